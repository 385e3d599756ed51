/** RabbitMQ's management interface over HTTP, for tooling written for it: what is declared, who is connected, definitions, health. */

import { Refused } from '../../../model/refusal.ts';
import type { AnnexCall, AnnexHandler } from '../../annexes.ts';
import { basicOf } from '../../basic.ts';
import type { Door } from '../door.ts';
import { AmqpFault, faultOf } from '../faults.ts';
import { checkPassword, type Login } from '../login.ts';
import { ACCESS_REFUSED, type Answer, ApiFault, Ask, badRequest, notFound } from './ask.ts';
import { find } from './routes.ts';

const ROOT = '/api';
const CHALLENGE = { 'www-authenticate': 'Basic realm="RabbitMQ Management"' };

/** Answers what is asked below `/api`. */
export function management(door: Door): AnnexHandler {
  return async (call) => {
    try {
      return await answer(door, call);
    } catch (error) {
      return told(door, error, call);
    }
  };
}

async function answer(door: Door, call: AnnexCall): Promise<Answer> {
  const found = find(call.path.slice(ROOT.length));
  const login = await loginOf(door, call);
  if (login === undefined)
    return call.headers.authorization === undefined
      ? { status: 401, headers: CHALLENGE }
      : { ...faultAnswer(new ApiFault(401, 'not_authorized', 'Login failed')), headers: CHALLENGE };
  if (found === undefined) throw notFound();
  const handle = found.handlers[call.method === 'HEAD' ? 'GET' : call.method];
  if (handle === undefined) {
    const allow = ['HEAD', 'OPTIONS', ...Object.keys(found.handlers)].join(', ');
    return { status: call.method === 'OPTIONS' ? 200 : 405, headers: { allow } };
  }
  const answered = await handle(new Ask(door, call, login, found.path));
  return 'value' in answered ? { status: 200, body: JSON.stringify(answered.value) } : answered;
}

async function loginOf(door: Door, { headers, address, isLoopback }: AnnexCall): Promise<Login | undefined> {
  const given = basicOf(headers.authorization);
  return given === undefined ? undefined : checkPassword(door, { address, isLoopback }, given.user, given.secret);
}

function faultAnswer({ status, error, reason }: ApiFault): Answer {
  return { status, body: JSON.stringify({ error, reason }) };
}

/** A fault of this protocol, or a refusal, as this interface tells it. What nobody expected is the HTTP door's to tell. */
function told(door: Door, error: unknown, call: AnnexCall): Answer {
  if (error instanceof ApiFault) return faultAnswer(error);
  const fault = error instanceof Refused && error.code !== 'too-large' ? faultOf(error) : error;
  if (!(fault instanceof AmqpFault)) throw error;
  if (fault.code === 404) return faultAnswer(new ApiFault(404, 'not_found', fault.message));
  if (fault.code === 403) return faultAnswer(new ApiFault(401, 'not_authorised', ACCESS_REFUSED));
  if (fault.code >= 540) door.tell(error, `management ${call.path}`);
  return faultAnswer(fault.code === 506 ? new ApiFault(503, 'unavailable', fault.message) : badRequest(fault.message));
}
