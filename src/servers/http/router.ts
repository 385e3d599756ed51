/** Finds the route of a request: by method and path, the path's segments decoded. */

import type { Method, Route } from './route.ts';

interface Compiled {
  readonly route: Route;
  /** Per segment its text, or the name of what stands there. */
  readonly segments: readonly { readonly text?: string; readonly name?: string }[];
}

export type Found =
  | { readonly route: Route; readonly path: Readonly<Record<string, string>> }
  /** The path is known, with other methods. */
  | { readonly allowed: readonly Method[] }
  | undefined;

export class Router {
  readonly #bySegments = new Map<number, Compiled[]>();

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      const segments = route.path
        .slice(1)
        .split('/')
        .map((segment) => (segment.startsWith('{') ? { name: segment.slice(1, -1) } : { text: segment }));
      const same = this.#bySegments.get(segments.length);
      if (same === undefined) this.#bySegments.set(segments.length, [{ route, segments }]);
      else same.push({ route, segments });
    }
  }

  /** `HEAD` finds the route of `GET`. A segment that is not percent-encoded UTF-8, or empty, matches no name. */
  find(method: string, path: string): Found {
    const given = path.slice(1).split('/');
    const allowed: Method[] = [];
    for (const { route, segments } of this.#bySegments.get(given.length) ?? []) {
      const names = matches(segments, given);
      if (names === undefined) continue;
      if (route.method === (method === 'HEAD' ? 'GET' : method)) return { route, path: names };
      allowed.push(route.method);
    }
    return allowed.length > 0 ? { allowed } : undefined;
  }
}

function matches(segments: Compiled['segments'], given: readonly string[]): Record<string, string> | undefined {
  const names: Record<string, string> = {};
  for (let i = 0; i < segments.length; i++) {
    const { text, name } = segments[i] ?? {};
    const segment = given[i] ?? '';
    if (name === undefined) {
      if (segment !== text) return undefined;
      continue;
    }
    const decoded = decode(segment);
    if (decoded === undefined || decoded === '') return undefined;
    names[name] = decoded;
  }
  return names;
}

function decode(segment: string): string | undefined {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
