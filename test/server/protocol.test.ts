/** What goes over the wire beside well-formed transactions and monitors: the same of the C server and of ours. */
import test, { type ExecutionContext } from 'ava';
import type { Message } from '../../rpc/message.ts';
import { formatJson } from '../../schema/json.ts';
import { projectFile } from '../helpers/project.ts';
import { type Body, cPrograms, testRequiring } from '../helpers/requires.ts';
import { type ServerProcess, startCServer, startServer } from '../helpers/server-process.ts';
import { Wire } from '../helpers/wire.ts';

const schema = projectFile('test/cases/schemas/types.ovsschema');
const cTest = testRequiring(cPrograms());

type ServerBody = (t: ExecutionContext, server: ServerProcess) => Promise<void>;

const run =
  (start: typeof startServer, body: ServerBody): Body =>
  async (t) =>
    body(t, await start(t, schema));

/** Declares a test of our server. */
const ours = (title: string, body: ServerBody): void => test.serial(title, run(startServer, body));

/** And one that the C server behaves the same. */
const both = (title: string, body: ServerBody): void => {
  ours(title, body);
  cTest(`the C server too: ${title}`, run(startCServer, body));
};

const text = (message: Message | undefined): string => {
  if (message === undefined) return 'closed';
  switch (message.kind) {
    case 'result':
      return `${formatJson(message.id)}: ${formatJson(message.result, true)}`;
    case 'error':
      return `${formatJson(message.id)}! ${formatJson(message.error, true)}`;
    case 'notification':
    case 'request':
      return `${message.method} ${formatJson(message.params, true)}`;
  }
};

/** Sends the text; what comes back, up to the answer to an echo sent behind it, or the end of the connection. */
const exchange = async (server: ServerProcess, sent: string | Buffer): Promise<string[]> => {
  const wire = await Wire.connect(server.socket);
  wire.write(sent);
  wire.write('{"id":"end","method":"list_dbs","params":[]}');
  const answers: string[] = [];
  for (;;) {
    const answer = text(await wire.next());
    if (answer.startsWith('"end":')) break;
    answers.push(answer);
    if (answer === 'closed') break;
  }
  wire.close();
  return answers;
};

const refused: readonly (readonly [title: string, sent: string | Buffer])[] = [
  ['bytes that are no JSON', 'hello\n'],
  ['a JSON string', '"x"'],
  ['a number', '42 '],
  ['an array', '[1,2]'],
  ['an unknown member', '{"id":1,"method":"echo","params":[],"extra":1}'],
  ['a version member', '{"jsonrpc":"2.0","id":1,"method":"echo","params":[]}'],
  ['a method that is no string', '{"id":1,"method":5,"params":[]}'],
  ['params that are no array', '{"id":1,"method":"echo","params":{}}'],
  ['no params', '{"id":1,"method":"echo"}'],
  ['an empty object', '{}'],
  ['a request with a result', '{"id":1,"method":"echo","params":[],"result":1}'],
  ['a reply without an id', '{"result":1,"error":null,"id":null}'],
  ['a reply with result and error', '{"result":1,"error":2,"id":3}'],
  ['a trailing comma', '{"id":1,"method":"echo","params":[1,]}'],
  ['a missing comma', '{"id":1,"method":"echo","params":[1 2]}'],
  ['a missing colon', '{"id":1,"method" "echo","params":[]}'],
  ['single quotes', "{'id':1,'method':'echo','params':[]}"],
  ['brackets that do not match', '{"id":1,"method":"echo","params":[}]'],
  ['a control character in a string', '{"id":1,"method":"echo","params":["\u0001"]}'],
  ['a bad escape', '{"id":1,"method":"echo","params":["\\x"]}'],
  ['half a surrogate pair', '{"id":1,"method":"echo","params":["\\ud800"]}'],
  ['a null character in a string', '{"id":1,"method":"echo","params":["\\u0000"]}'],
  ['a number with a leading zero', '{"id":1,"method":"echo","params":[01]}'],
  ['a number with a leading plus', '{"id":1,"method":"echo","params":[+1]}'],
  ['a number with nothing after the point', '{"id":1,"method":"echo","params":[1.]}'],
  ['a number too large for a double', '{"id":1,"method":"echo","params":[1e400]}'],
  ['an unknown word', '{"id":1,"method":"echo","params":[nil]}'],
  ['an array nested 1,001 deep', `{"id":1,"method":"echo","params":${'['.repeat(1001)}${']'.repeat(1001)}}`],
];

both('the connection ends at what is no message, and the server goes on', async (t, server) => {
  for (const [title, sent] of refused) {
    t.is((await exchange(server, sent)).at(-1), 'closed', title);
    t.deepEqual(await exchange(server, '{"id":1,"method":"echo","params":[]}'), ['1: []'], `after ${title}`);
  }
});

const accepted: readonly (readonly [title: string, sent: string, ...answers: string[]])[] = [
  ['spaces anywhere', ' {\n"id" : 1 ,\t"method":"echo" , "params" : [ ] }\r\n', '1: []'],
  ['members in any order', '{"params":[1],"id":1,"method":"echo"}', '1: [1]'],
  ['escapes', '{"id":1,"method":"echo","params":["\\u00e9\\ud83d\\ude00\\n\\/"]}', '1: ["é😀\\n/"]'],
  ['any id', '{"id":{"a":[1,"x",true]},"method":"echo","params":[]}', '{"a":[1,"x",true]}: []'],
  ['the last of two members of one name', '{"id":1,"method":"echo","params":[1],"params":[2]}', '1: [2]'],
  ['the last of two members of one name, deeper', '{"id":1,"method":"echo","params":[{"a":1,"a":2}]}', '1: [{"a":2}]'],
  ['a request with null members beside', '{"id":1,"method":"echo","params":[],"result":null,"error":null}', '1: []'],
  ['a notification of no known method', '{"id":null,"method":"hello","params":[]}'],
  [
    'numbers',
    '{"id":1,"method":"echo","params":[1,-0,1.0,1e3,0.5,9223372036854775807,1e20]}',
    '1: [1,0,1,1000,0.5,9223372036854775807,1e+20]',
  ],
  [
    'names of Object.prototype',
    '{"id":1,"method":"echo","params":[{"__proto__":1,"constructor":2}]}',
    '1: [{"__proto__":1,"constructor":2}]',
  ],
  ['an unknown method', '{"id":1,"method":"toString","params":[]}', '1! "unknown method"'],
  [
    'several messages at once',
    '{"id":1,"method":"echo","params":[]}{"id":2,"method":"nosuch","params":[]}',
    '1: []',
    '2! "unknown method"',
  ],
];

both('what is a message is answered', async (t, server) => {
  for (const [title, sent, ...answers] of accepted) t.deepEqual(await exchange(server, sent), answers, title);
});

/** The C server ends the connection at these; NetworkManager, for one, answers an echo with an id of its own. */
const tolerated: readonly (readonly [title: string, sent: string])[] = [
  ['a reply that nobody waits for', '{"id":-1,"result":[],"error":null}'],
  ['a reply without an error member that nobody waits for', '{"id":-1,"result":[]}'],
  ['a reply with nothing in it that nobody waits for', '{"id":"x","result":null,"error":null}'],
  ['an error that nobody waits for', '{"id":"x","result":null,"error":"oops"}'],
];

ours('replies that nobody waits for are passed over', async (t, server) => {
  for (const [title, sent] of tolerated) t.deepEqual(await exchange(server, sent), [], title);
});

both('a message may come byte by byte', async (t, server) => {
  const wire = await Wire.connect(server.socket);
  const message = '{"id":1,"method":"echo","params":["é😀",[{"a":"}"}]]}';
  for (const byte of Buffer.from(message)) {
    wire.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.is(text(await wire.next()), '1: ["é😀",[{"a":"}"}]]');
});

both('answers come in the order of the requests, whatever they ask', async (t, server) => {
  const insert = '{"op":"insert","table":"plain","row":{}}';
  const sent = [
    `{"id":1,"method":"transact","params":["types",${insert}]}`,
    '{"id":2,"method":"echo","params":[]}',
    `{"id":3,"method":"transact","params":["types",{"op":"comment","comment":"x"}]}`,
    '{"id":4,"method":"nosuch","params":[]}',
    `{"id":5,"method":"transact","params":["types",${insert},{"op":"commit","durable":true}]}`,
    '{"id":6,"method":"get_schema","params":["nosuch"]}',
    '{"id":7,"method":"echo","params":[7]}',
  ].join('');
  const answers = await exchange(server, sent);
  t.deepEqual(
    answers.map((answer) => Number.parseInt(answer, 10)),
    [1, 2, 3, 4, 5, 6, 7],
  );
});

const waitFor = (name: string, timeout?: number) => ({
  op: 'wait',
  table: 'plain',
  where: [],
  columns: ['name'],
  until: '==',
  rows: [{ name }],
  ...(timeout !== undefined && { timeout }),
});
const insertNamed = (name: string) => ({ op: 'insert', table: 'plain', row: { name } });

both(
  "a transaction that waits is answered when another makes it true, after that one's client is",
  async (t, server) => {
    const [waiter, other] = [await Wire.connect(server.socket), await Wire.connect(server.socket)];
    const id = waiter.send('transact', [
      'types',
      waitFor('x'),
      { op: 'update', table: 'plain', where: [], row: { i: 5 } },
    ]);
    await waiter.result('list_dbs', []);
    await other.result('transact', ['types', insertNamed('x')]);
    t.is(text((await waiter.until(id)).at(-1)), `${id}: [{},{"count":1}]`);
    const select = { op: 'select', table: 'plain', where: [], columns: ['i'] };
    t.deepEqual(await other.result('transact', ['types', select]), [{ rows: [{ i: 5 }] }]);
  },
);

// RFC 7047 section 4.1.4. The C server of version 3.1.0 withdraws the transaction, but does not answer it.
ours('a transaction that waits can be cancelled, and is answered "canceled"', async (t, server) => {
  const wire = await Wire.connect(server.socket);
  const id = wire.send('transact', ['types', waitFor('x'), insertNamed('never')]);
  wire.write(`{"id":null,"method":"cancel","params":[${id}]}`);
  t.is(text((await wire.until(id)).at(-1)), `${id}! "canceled"`);
  await wire.result('transact', ['types', insertNamed('x')]);
  const select = { op: 'select', table: 'plain', where: [], columns: ['name'] };
  t.deepEqual(await wire.result('transact', ['types', select]), [{ rows: [{ name: 'x' }] }]);
});

both('what is not waiting cannot be cancelled', async (t, server) => {
  const sent = '{"id":null,"method":"cancel","params":[99]}{"id":null,"method":"cancel","params":[]}';
  t.deepEqual(await exchange(server, sent), []);
});

both('a transaction that waits and fails after that is answered with both', async (t, server) => {
  const wire = await Wire.connect(server.socket);
  const id = wire.send('transact', ['types', waitFor('x', 60_000), { op: 'abort' }]);
  await wire.result('transact', ['types', insertNamed('x')]);
  t.is(text((await wire.until(id)).at(-1)), `${id}: [{},{"details":"aborted by request","error":"aborted"}]`);
});

both('requests behind one that waits are answered', async (t, server) => {
  const wire = await Wire.connect(server.socket);
  const id = wire.send('transact', ['types', waitFor('x')]);
  t.deepEqual(await wire.result('echo', [1]), [1]);
  await wire.result('transact', ['types', insertNamed('x')]);
  t.is(text((await wire.until(id)).at(-1)), `${id}: [{}]`);
});

both('a second request may not have the id of one that waits', async (t, server) => {
  const wire = await Wire.connect(server.socket);
  wire.write(`{"id":7,"method":"transact","params":["types",${formatJson(waitFor('x'))}]}`);
  wire.write('{"id":7,"method":"transact","params":["types"]}');
  const answer = text(await wire.next());
  t.is(answer, '7! {"details":"transact: duplicate request ID","error":"syntax error","syntax":"[\\"types\\"]"}');
});

both('a client that goes away takes its waiting transaction and its locks along', async (t, server) => {
  const [leaver, other] = [await Wire.connect(server.socket), await Wire.connect(server.socket)];
  leaver.send('transact', ['types', waitFor('x'), { op: 'update', table: 'plain', where: [], row: { i: 5 } }]);
  t.deepEqual(await leaver.result('lock', ['l']), { locked: true });
  t.deepEqual(await other.result('lock', ['l']), { locked: false });
  leaver.close();
  t.is(text(await other.next()), 'locked ["l"]');
  await other.result('transact', ['types', insertNamed('x')]);
  const select = { op: 'select', table: 'plain', where: [], columns: ['i'] };
  t.deepEqual(await other.result('transact', ['types', select]), [{ rows: [{ i: 0 }] }]);
});

both('the methods of monitors take no parameter too many, but for the oldest', async (t, server) => {
  const zero = '"00000000-0000-0000-0000-000000000000"';
  const sent = [
    '{"id":1,"method":"monitor","params":["types",1,{},null]}',
    '{"id":2,"method":"monitor_cond","params":["types",2,{},null]}',
    `{"id":3,"method":"monitor_cond_since","params":["types",3,{},${zero},null]}`,
  ].join('');
  const refusal = (syntax: string) => `! {"details":"invalid parameters","error":"syntax error","syntax":${syntax}}`;
  t.deepEqual(await exchange(server, sent), [
    '1: {}',
    `2${refusal('"[\\"types\\",2,{},null]"')}`,
    `3${refusal('"[\\"types\\",3,{},\\"00000000-0000-0000-0000-000000000000\\",null]"')}`,
  ]);
});

both(
  'monitor_cond_change renames a plain monitor, and reads the conditions that mean nothing to it',
  async (t, server) => {
    const change = (id: number, from: string, to: string, requests: string) =>
      `{"id":${id},"method":"monitor_cond_change","params":["${from}","${to}",${requests}]}`;
    const sent = [
      '{"id":1,"method":"monitor","params":["types","a",{"plain":{"columns":["i"]}}]}',
      change(2, 'a', 'b', '[]'),
      change(3, 'a', 'b', '{"plain":[{"where":[["i","==",1]]}]}'),
      change(4, 'a', 'b', '{}'),
      '{"id":5,"method":"monitor_cancel","params":["b"]}',
    ].join('');
    t.deepEqual(await exchange(server, sent), [
      '1: {}',
      '2! {"details":"monitor-cond-change-requests must be object","error":"syntax error"}',
      '3: {}',
      '4! {"details":"unknown monitor session","error":"syntax error","syntax":"\\"a\\""}',
      '5: {}',
    ]);
  },
);

/** Ends of a string, and what is wrong with them. */
const notText: readonly (readonly [bytes: readonly number[], sequence: string])[] = [
  [[0xff], '0xff'],
  [[0xc0, 0x80], '0xc0'],
  [[0xc3], '0xc3 0x00'],
  [[0xc3, 0x62], '0xc3 0x62'],
  [[0xed, 0xa0, 0x80], '0xed 0xa0'],
  [[0xf4, 0x90, 0x80, 0x80], '0xf4 0x90'],
  [[0xe2, 0x82, 0x28], '0xe2 0x82 0x28'],
  [[0xe2, 0x82, 0xc3, 0xa9], '0xe2 0x82 0xc3'],
  [[0xc3, 0xff], '0xc3 0xff'],
];

both('bytes that are not UTF-8 cannot be stored', async (t, server) => {
  for (const [bytes, sequence] of notText) {
    const head = '{"id":1,"method":"transact","params":["types",{"op":"insert","table":"plain","row":{"name":"é';
    const sent = Buffer.concat([Buffer.from(head), Buffer.from(bytes), Buffer.from('"}}]}')]);
    const details = `"not a valid UTF-8 string: invalid UTF-8 sequence ${sequence}"`;
    t.deepEqual(await exchange(server, sent), [`1: [{"details":${details},"error":"constraint violation"}]`]);
  }
});

ours('bytes that are not UTF-8 come back as characters that stand for them', async (t, server) => {
  const sent = Buffer.concat([
    Buffer.from('{"id":"a'),
    Buffer.of(0xff),
    Buffer.from('","method":"echo","params":["'),
    Buffer.of(0xc3),
    Buffer.from('b"]}'),
  ]);
  t.deepEqual(await exchange(server, sent), ['"a\ufffd": ["\ufffdb"]']);
});
