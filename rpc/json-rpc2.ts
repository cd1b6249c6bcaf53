import {
  createJSONRPCErrorResponse,
  createJSONRPCNotification,
  createJSONRPCRequest,
  createJSONRPCSuccessResponse,
  isJSONRPCID,
  isJSONRPCRequest,
  isJSONRPCResponse,
  JSONRPCErrorCode,
  type JSONRPCID,
} from 'json-rpc-2.0';
import { formatJson, isArray, isObject, type Json, type JsonObject, member, type OutJson } from '../schema/json.ts';
import type { Message, OutMessage } from './message.ts';

/*
 * The messages of OVSDB in JSON-RPC 2.0, for WebSockets (ovsdb-server(7), "WebSocket remotes"). Methods, parameters and
 * results are those of RFC 7047. Only the envelope differs: each message says "jsonrpc":"2.0", a notification has no id
 * rather than a null one, and an error is an object with a code, whose `data` is OVSDB's own error.
 */

/** Errors of OVSDB itself: the first of the codes that the specification leaves to servers. */
const ovsdbErrorCode = -32000;
const codes: ReadonlyMap<string, number> = new Map<string, number>([
  ['unknown method', JSONRPCErrorCode.MethodNotFound],
  ['syntax error', JSONRPCErrorCode.InvalidParams],
  ['internal error', JSONRPCErrorCode.InternalError],
]);

/** A text that is no message; `reply` is the error to answer it with. */
export class InvalidMessage extends Error {
  readonly reply: string;
  constructor(id: JSONRPCID, code: JSONRPCErrorCode, message: string) {
    super(message);
    this.reply = formatJson({ ...errorResponse(id, code, message) });
  }
}

/** As createJSONRPCErrorResponse, whose result has members that are undefined in its type. */
const errorResponse = (id: JSONRPCID, code: number, message: string, data?: OutJson) => {
  const { jsonrpc, error } = createJSONRPCErrorResponse(id, code, message, data);
  return { jsonrpc, id, error: { code: error.code, message: error.message, ...(data !== undefined && { data }) } };
};

/**
 * Reads one message of JSON-RPC 2.0.
 * @throws InvalidMessage
 */
export const readMessage2 = (json: Json): Message => {
  const { InvalidParams, InvalidRequest } = JSONRPCErrorCode;
  if (isArray(json))
    throw new InvalidMessage(null, InvalidRequest, 'batches are not supported: send requests one by one');
  if (!isObject(json)) throw new InvalidMessage(null, InvalidRequest, 'a message must be an object');
  if (isJSONRPCResponse(json)) return readReply(json);
  const id = member(json, 'id');
  const replyId = isJSONRPCID(id) ? id : null;
  const method = member(json, 'method');
  if (!isJSONRPCRequest(json) || typeof method !== 'string') {
    throw new InvalidMessage(replyId, InvalidRequest, 'a request must have "jsonrpc":"2.0" and a "method"');
  }
  // The specification allows null, but then nobody could tell an answer from an error without a request.
  if (id !== undefined && replyId === null) {
    throw new InvalidMessage(null, InvalidRequest, '"id" must be a string or a number');
  }
  const params = member(json, 'params') ?? [];
  if (!isArray(params)) throw new InvalidMessage(replyId, InvalidParams, '"params" must be an array');
  return id === undefined ? { kind: 'notification', method, params } : { kind: 'request', method, params, id };
};

const readReply = (json: JsonObject): Message => {
  const id = member(json, 'id') ?? null;
  const error = member(json, 'error');
  return error === undefined
    ? { kind: 'result', id, result: member(json, 'result') ?? null }
    : { kind: 'error', id, error };
};

/** The message as a peer of JSON-RPC 2.0 reads it. */
export const formatMessage2 = (message: OutMessage): string => {
  switch (message.kind) {
    case 'request':
      return formatJson({ ...createJSONRPCRequest(idOf(message.id), message.method, message.params) });
    case 'notification':
      return formatJson({ ...createJSONRPCNotification(message.method, message.params) });
    case 'result': {
      const { jsonrpc, id } = createJSONRPCSuccessResponse(idOf(message.id));
      return formatJson({ jsonrpc, id, result: message.result });
    }
    case 'error':
      return formatJson(formatError2(idOf(message.id), message.error));
  }
};

/** OVSDB's errors are strings, or objects whose `error` is a tag (RFC 7047 section 3.1). */
const formatError2 = (id: JSONRPCID, error: OutJson) => {
  const { tag, details } = partsOf(error);
  const message = details === undefined ? tag : `${tag}: ${details}`;
  return errorResponse(id, codes.get(tag) ?? ovsdbErrorCode, message, error);
};

const partsOf = (error: OutJson): { tag: string; details?: string } => {
  if (typeof error !== 'object' || error === null || !('error' in error)) return { tag: String(error) };
  const { error: tag, details } = error;
  return { tag: String(tag), ...(typeof details === 'string' && { details }) };
};

/** Ids are what the client chose, which readMessage2 has checked, or our own. */
const idOf = (id: OutJson): JSONRPCID => (isJSONRPCID(id) ? id : null);
