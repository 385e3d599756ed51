/** What may be asked of any list: only some columns, in some order, one page of it. */

import { badRequest } from './ask.ts';

type Row = Readonly<Record<string, unknown>>;

const PAGE_SIZE = 100;
const PAGE_SIZE_MAX = 500;

/** `rows` as asked for by `columns`, `sort`, `sort_reverse`, `page`, `page_size`, `name` and `use_regex`. Throws `ApiFault`. */
export function listed(rows: readonly Row[], query: URLSearchParams): unknown {
  const sort = query.get('sort');
  const reverse = query.get('sort_reverse') === 'true';
  const ordered = sort === null ? [...rows] : rows.toSorted((a, b) => compared(at(a, sort), at(b, sort)));
  if (reverse) ordered.reverse();
  const columns = (query.get('columns') ?? '').split(',').filter((name) => name !== '');
  const shown = (some: readonly Row[]): readonly Row[] => (columns.length === 0 ? some : some.map((row) => picked(row, columns)));
  if (!query.has('page')) return shown(ordered);
  const [page, size] = [Number(query.get('page')), Number(query.get('page_size') ?? PAGE_SIZE)];
  if (!Number.isInteger(page) || page < 1 || !Number.isInteger(size) || size < 1 || size > PAGE_SIZE_MAX) {
    const told = `Invalid pagination parameters: page number ${query.get('page')}, page size ${query.get('page_size') ?? 'undefined'}`;
    throw badRequestAs('invalid_pagination_parameters', told);
  }
  const name = query.get('name') ?? '';
  const found = name === '' ? ordered : ordered.filter((row) => String(row.name).toLowerCase().includes(name.toLowerCase()));
  const pages = Math.max(1, Math.ceil(found.length / size));
  if (page > pages) throw badRequestAs('page_out_of_range', `Page out of range, page: ${page} page size: ${size}, len: ${found.length}`);
  const items = shown(found.slice((page - 1) * size, page * size));
  return {
    filtered_count: found.length,
    item_count: items.length,
    items,
    page,
    page_count: pages,
    page_size: size,
    total_count: rows.length,
  };
}

/** One thing, with only the columns asked for. */
export function shown(row: Row, query: URLSearchParams): Row {
  const columns = (query.get('columns') ?? '').split(',').filter((name) => name !== '');
  return columns.length === 0 ? row : picked(row, columns);
}

function badRequestAs(error: string, reason: string): Error {
  return Object.assign(badRequest(reason), { error });
}

/** `a.b`: the member of a member. */
function at(row: Row, path: string): unknown {
  let value: unknown = row;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Row)[name];
  }
  return value;
}

function compared(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [left, right] = [String(a ?? ''), String(b ?? '')];
  return left < right ? -1 : left > right ? 1 : 0;
}

function picked(row: Row, columns: readonly string[]): Row {
  const found: Record<string, unknown> = {};
  for (const column of columns) {
    const value = at(row, column);
    if (value === undefined) continue;
    const names = column.split('.');
    const last = names.pop() ?? '';
    let into = found;
    for (const name of names) {
      into[name] ??= {};
      into = into[name] as Record<string, unknown>;
    }
    into[last] = value;
  }
  return found;
}
