import test from 'ava';
import { formatMessage, type Message, type OutMessage, parseMessage } from '../../rpc/message.ts';
import { JsonText } from '../../schema/json.ts';

const read: readonly (readonly [text: string, message: Message])[] = [
  ['{"id":1,"method":"echo","params":[2]}', { kind: 'request', method: 'echo', params: [2], id: 1 }],
  ['{"params":[],"method":"m","id":{"a":1}}', { kind: 'request', method: 'm', params: [], id: { a: 1 } }],
  ['{"id":null,"method":"m","params":[]}', { kind: 'notification', method: 'm', params: [] }],
  ['{"method":"m","params":[]}', { kind: 'notification', method: 'm', params: [] }],
  ['{"id":1,"method":"m","params":[],"result":null,"error":null}', { kind: 'request', method: 'm', params: [], id: 1 }],
  ['{"id":1,"result":5,"error":null}', { kind: 'result', result: 5, id: 1 }],
  ['{"id":"x","result":[]}', { kind: 'result', result: [], id: 'x' }],
  ['{"id":0,"result":false,"error":null}', { kind: 'result', result: false, id: 0 }],
  ['{"id":1,"result":null,"error":"no"}', { kind: 'error', error: 'no', id: 1 }],
  ['{"id":1,"error":{"error":"x"}}', { kind: 'error', error: { error: 'x' }, id: 1 }],
  [
    '{"id":9007199254740993,"method":"m","params":[9223372036854775807]}',
    { kind: 'request', method: 'm', params: [9223372036854775807n], id: 9007199254740993n },
  ],
];

for (const [text, message] of read) test(`read: ${text}`, (t) => t.deepEqual(parseMessage(text), message));

for (const [text, complaint] of [
  ['', /JSON/],
  ['[]', /not a JSON object/],
  ['{"id":1,"method":"m","params":[],"jsonrpc":"2.0"}', /unexpected member "jsonrpc"/],
  ['{"id":1,"method":5,"params":[]}', /method/],
  ['{"id":1,"method":"m","params":{}}', /"params" must be JSON array/],
  ['{"id":1,"method":"m"}', /"params"/],
  ['{"id":1,"method":"m","params":[],"result":1}', /must not have/],
  ['{"id":1,"method":"m","params":[],"error":1}', /must not have/],
  ['{"result":1}', /must have "id"/],
  ['{"id":null,"result":1,"error":null}', /must have "id"/],
  ['{"id":1,"result":1,"error":2}', /"error"/],
  ['{"id":1,"method":"__proto__","params":"x"}', /"params"/],
] satisfies [string, RegExp][]) {
  test(`refused: ${text}`, (t) => {
    t.throws(() => parseMessage(text), { instanceOf: SyntaxError, message: complaint });
  });
}

const longText = new JsonText(JSON.stringify('ä'.repeat(100_000)));
const long: readonly (readonly [what: string, message: OutMessage, text: string])[] = [
  ['result', { kind: 'result', result: longText, id: 1 }, `{"id":1,"result":${longText.text},"error":null}`],
  [
    'result behind others',
    { kind: 'result', result: [false, 'x', longText], id: null },
    `{"id":null,"result":[false,"x",${longText.text}],"error":null}`,
  ],
  [
    'update',
    { kind: 'notification', method: 'update', params: ['m', longText] },
    `{"id":null,"method":"update","params":["m",${longText.text}]}`,
  ],
];

for (const [what, message, text] of long) {
  test(`a long ${what} is written whole, and shares the bytes of its text`, (t) => {
    const parts = formatMessage(message);
    t.is(Buffer.concat(parts.map((part) => Buffer.from(part))).toString(), text);
    t.true(parts.includes(longText.bytes));
  });
}
