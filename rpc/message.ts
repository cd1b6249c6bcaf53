import {
  formatJson,
  isArray,
  isObject,
  isOutArray,
  type Json,
  JsonText,
  type OutJson,
  parseJson,
} from '../schema/json.ts';
import { withoutRawBytes } from '../schema/raw-bytes.ts';

/** The messages of JSON-RPC 1.0 as RFC 7047 section 4 uses it. A notification is a request whose id is null. */
export type Message =
  | { readonly kind: 'request'; readonly method: string; readonly params: readonly Json[]; readonly id: Json }
  | { readonly kind: 'notification'; readonly method: string; readonly params: readonly Json[] }
  | { readonly kind: 'result'; readonly result: Json; readonly id: Json }
  | { readonly kind: 'error'; readonly error: Json; readonly id: Json };

/** A message to be sent. */
export type OutMessage =
  | { readonly kind: 'request'; readonly method: string; readonly params: OutJson; readonly id: OutJson }
  | { readonly kind: 'notification'; readonly method: string; readonly params: OutJson }
  | { readonly kind: 'result'; readonly result: OutJson; readonly id: OutJson }
  | { readonly kind: 'error'; readonly error: OutJson; readonly id: OutJson };

/** JSON that is not a message. */
export class MessageError extends SyntaxError {}

const members: ReadonlySet<string> = new Set(['method', 'params', 'result', 'error', 'id']);

/**
 * Reads one message.
 * @throws SyntaxError, which is a MessageError when the text is JSON
 */
export const parseMessage = (text: string): Message => {
  const json = parseJson(text);
  if (!isObject(json)) throw new MessageError('message is not a JSON object');
  for (const name of Object.keys(json)) {
    if (!members.has(name)) throw new MessageError(`message has unexpected member "${name}"`);
  }
  const { method, params, result = null, error = null, id = null } = json;
  if (method === undefined || method === null) return parseReply(result, error, id);
  if (typeof method !== 'string') throw new MessageError('method is not a JSON string');
  const kind = id === null ? 'notification' : 'request';
  if (params === undefined || params === null) throw new MessageError(`${kind} must have "params"`);
  if (!isArray(params)) throw new MessageError('"params" must be JSON array');
  if (result !== null) throw new MessageError(`${kind} must not have "result"`);
  if (error !== null) throw new MessageError(`${kind} must not have "error"`);
  return id === null ? { kind: 'notification', method, params } : { kind: 'request', method, params, id };
};

const parseReply = (result: Json, error: Json, id: Json): Message => {
  if (id === null) throw new MessageError('reply must have "id"');
  if (result !== null && error !== null) throw new MessageError('reply must not have "error"');
  return error === null ? { kind: 'result', result, id } : { kind: 'error', error, id };
};

export const formatRequest = (method: string, params: OutJson, id: OutJson): string =>
  `${requestHead(method, id)}${formatJson(params)}}`;

const requestHead = (method: string, id: OutJson): string =>
  `{"id":${formatJson(id)},"method":${formatJson(method)},"params":`;

/** A message as it is written: what it is about, and what stands before and behind that. */
interface Frame {
  readonly head: string;
  readonly body: OutJson;
  readonly tail: string;
}

const frameOf = (message: OutMessage): Frame => {
  switch (message.kind) {
    case 'request':
      return { head: requestHead(message.method, message.id), body: message.params, tail: '}' };
    case 'notification':
      return { head: requestHead(message.method, null), body: message.params, tail: '}' };
    case 'result':
      return { head: `{"id":${formatJson(message.id)},"result":`, body: message.result, tail: ',"error":null}' };
    case 'error':
      return { head: `{"id":${formatJson(message.id)},"error":`, body: message.error, tail: '}' };
  }
};

/** From this length on, a text that was serialized before is not copied into each message that has it. */
const longText = 64 * 1024;

/**
 * The message as a peer of JSON-RPC 1.0 reads it, in parts that follow each other. A long text that goes to many peers
 * is a part of its own, so that they share its bytes.
 */
export const formatMessage = (message: OutMessage): (string | Buffer)[] => {
  const { head, body, tail } = frameOf(message);
  const elements = isOutArray(body) ? body : [body];
  const last = elements.at(-1);
  if (!(last instanceof JsonText) || last.text.length < longText) {
    return [withoutRawBytes(`${head}${formatJson(body)}${tail}`)];
  }
  const before = elements.slice(0, -1).map((element) => `${formatJson(element)},`);
  const [open, close] = isOutArray(body) ? ['[', ']'] : ['', ''];
  return [withoutRawBytes(`${head}${open}${before.join('')}`), last.bytes, `${close}${tail}`];
};
