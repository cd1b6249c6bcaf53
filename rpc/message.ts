import { formatJson, isArray, isObject, type Json, type OutJson, parseJson } from '../schema/json.ts';

/** The messages of JSON-RPC 1.0 as RFC 7047 section 4 uses it. A notification is a request whose id is null. */
export type Message =
  | { readonly kind: 'request'; readonly method: string; readonly params: readonly Json[]; readonly id: Json }
  | { readonly kind: 'notification'; readonly method: string; readonly params: readonly Json[] }
  | { readonly kind: 'result'; readonly result: Json; readonly id: Json }
  | { readonly kind: 'error'; readonly error: Json; readonly id: Json };

const members: ReadonlySet<string> = new Set(['method', 'params', 'result', 'error', 'id']);

/**
 * Reads one message.
 * @throws SyntaxError
 */
export const parseMessage = (text: string): Message => {
  const json = parseJson(text);
  if (!isObject(json)) throw new SyntaxError('message is not a JSON object');
  for (const name of Object.keys(json)) {
    if (!members.has(name)) throw new SyntaxError(`message has unexpected member "${name}"`);
  }
  const { method, params, result = null, error = null, id = null } = json;
  if (method === undefined || method === null) return parseReply(result, error, id);
  if (typeof method !== 'string') throw new SyntaxError('method is not a JSON string');
  if (!isArray(params)) throw new SyntaxError('"params" must be JSON array');
  if (result !== null || error !== null) throw new SyntaxError('a request must not have "result" or "error"');
  return id === null ? { kind: 'notification', method, params } : { kind: 'request', method, params, id };
};

const parseReply = (result: Json, error: Json, id: Json): Message => {
  if (id === null) throw new SyntaxError('a reply must have "id"');
  if (result !== null && error !== null) throw new SyntaxError('a reply must not have both "result" and "error"');
  return error === null ? { kind: 'result', result, id } : { kind: 'error', error, id };
};

export const formatRequest = (method: string, params: OutJson, id: OutJson): string =>
  formatJson({ id, method, params });
export const formatNotification = (method: string, params: OutJson): string => formatRequest(method, params, null);
export const formatResult = (id: OutJson, result: OutJson): string => formatJson({ id, result, error: null });
export const formatError = (id: OutJson, error: OutJson): string => formatJson({ id, error });
