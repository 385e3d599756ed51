/** What holds for all subjects and for one: the compatibility asked for, and whether it may be written to. */

import { type Answer, type Ask, says } from './ask.ts';
import { propertyOf } from './json.ts';
import { invalidLevel, invalidMode, noSubjectLevel, noSubjectMode, notPermitted, RestFault } from './rest-fault.ts';
import { type Config, configNote, GLOBAL, LEVELS, MODES, modeNote } from './state.ts';
import { levelOf, modeOf } from './subjects.ts';

export async function getConfig(ask: Ask): Promise<Answer> {
  const subject = ask.path.subject ?? GLOBAL;
  return ask.store.read((state) => {
    const own = state.configs.get(subject);
    if (own === undefined && subject !== GLOBAL && !says(ask, 'defaultToGlobal')) throw noSubjectLevel(subject);
    const normalize = own?.normalize ?? state.configs.get(GLOBAL)?.normalize;
    return { json: { ...(normalize !== undefined && { normalize }), compatibilityLevel: levelOf(state, subject) } };
  });
}

const CONFIG_FIELDS = ['compatibility', 'normalize'];

export async function putConfig(ask: Ask): Promise<Answer> {
  const subject = ask.path.subject ?? GLOBAL;
  for (const [name, value] of Object.entries(ask.body))
    if (!CONFIG_FIELDS.includes(name) && value !== null) throw new RestFault(422, `Unrecognized field: ${name}. It is not kept here.`);
  const given = propertyOf(ask.body, 'compatibility');
  const normalize = propertyOf(ask.body, 'normalize');
  const level = LEVELS.find((one) => one === String(given).toUpperCase());
  if ((given !== undefined && given !== null && level === undefined) || (level === undefined && typeof normalize !== 'boolean'))
    throw invalidLevel();
  return ask.store.write(ask.engine, (state) => {
    const config: Config = {
      ...state.configs.get(subject),
      ...(level !== undefined && { level }),
      ...(typeof normalize === 'boolean' && { normalize }),
    };
    const answer = { ...(typeof normalize === 'boolean' && { normalize }), ...(level !== undefined && { compatibility: level }) };
    return { notes: [configNote(subject, config)], answer: { json: answer } };
  });
}

/** Answers what it was. */
export async function deleteConfig(ask: Ask): Promise<Answer> {
  const subject = ask.path.subject ?? GLOBAL;
  return ask.store.write(ask.engine, (state) => {
    const own = state.configs.get(subject);
    if (own === undefined && subject !== GLOBAL) throw noSubjectLevel(subject);
    const json = { compatibilityLevel: levelOf(state, subject) };
    return { notes: own === undefined ? [] : [configNote(subject, null)], answer: { json } };
  });
}

export async function getMode(ask: Ask): Promise<Answer> {
  const subject = ask.path.subject ?? GLOBAL;
  return ask.store.read((state) => {
    if (subject !== GLOBAL && !state.modes.has(subject) && !says(ask, 'defaultToGlobal')) throw noSubjectMode(subject);
    return { json: { mode: modeOf(state, subject) } };
  });
}

export async function putMode(ask: Ask): Promise<Answer> {
  const subject = ask.path.subject ?? GLOBAL;
  const mode = MODES.find((one) => one === String(propertyOf(ask.body, 'mode')).toUpperCase());
  if (mode === undefined) throw invalidMode();
  return ask.store.write(ask.engine, (state) => {
    const living = (subject === GLOBAL ? [...state.subjects.keys()] : [subject]).some((name) =>
      state.versions(name).some(({ deleted }) => !deleted),
    );
    if (mode === 'IMPORT' && living && !says(ask, 'force'))
      throw notPermitted('Cannot import since found existing subjects. Use force=true to do so nevertheless');
    return { notes: [modeNote(subject, mode)], answer: { json: { mode } } };
  });
}

export async function deleteMode(ask: Ask): Promise<Answer> {
  const subject = ask.path.subject ?? GLOBAL;
  return ask.store.write(ask.engine, (state) => {
    const own = state.modes.get(subject);
    if (own === undefined && subject !== GLOBAL) throw noSubjectMode(subject);
    return { notes: own === undefined ? [] : [modeNote(subject, null)], answer: { json: { mode: own ?? 'READWRITE' } } };
  });
}
