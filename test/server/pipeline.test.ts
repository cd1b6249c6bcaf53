/** Requests that a client sends without waiting are answered by our server in the order and with the updates of the C server. */
import { formatRequest } from '../../rpc/message.ts';
import { formatJson, isArray, type Json, member } from '../../schema/json.ts';
import { type Case, readCaseFiles } from '../helpers/case-file.ts';
import { sortUpdates } from '../helpers/monitor-corpus.ts';
import { UuidNames } from '../helpers/normalize-uuid.ts';
import { projectFile } from '../helpers/project.ts';
import { Random } from '../helpers/random.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { type ServerProcess, startCServer, startServer } from '../helpers/server-process.ts';
import { Wire } from '../helpers/wire.ts';
import { WireSubject } from '../helpers/wire-subject.ts';

const cTest = testRequiring(cPrograms());
const rounds = 300;
const schema = projectFile('test/cases/schemas/types.ovsschema');

type Send = readonly Json[];

/** What a case sends, all of it over one connection; its replies must not depend on the server or the run. */
const sendsOf = ({ steps }: Case): Send[] =>
  steps
    .map(({ ask }) => member(ask, 'send'))
    .filter(isArray)
    .filter(([method]) => method !== 'get_server_id' && method !== 'monitor_cond_since');

/** Sends everything in one write; all that comes back, up to the answer to one request more. */
const exchange = async (server: ServerProcess, sends: readonly Send[]): Promise<string[]> => {
  const wire = await Wire.connect(server.socket);
  const requests = sends.map(([method, params = []], id) => formatRequest(String(method), params, id));
  wire.write([...requests, formatRequest('list_dbs', [], 'end')].join(''));
  const answers: Json[] = [];
  for (;;) {
    const message = await wire.next();
    if (message === undefined) throw new Error('the server closed the connection');
    if (message.kind === 'result' && message.id === 'end') break;
    const { kind, ...members } = message;
    answers.push({ ...members, ...(kind === 'error' && { error: 'an error' }) });
  }
  wire.close();
  // Each by itself: updates of several monitors may change places, and names with them.
  return sortUpdates(answers.map((answer) => new UuidNames(formatJson(sends)).normalize(answer))).map((answer) =>
    formatJson(answer, true),
  );
};

cTest('requests that come at once', async (t) => {
  const random = new Random(1);
  const [ours, theirs] = [await startServer(t, schema), await startCServer(t, schema)];
  const [ourRows, theirRows] = [
    await WireSubject.connect(t, ours, schema),
    await WireSubject.connect(t, theirs, schema),
  ];
  const cases = readCaseFiles('monitor')
    .filter((file) => file.schema === schema)
    .flatMap((file) => file.cases)
    .filter(({ steps }) => steps.every(({ c310, ask }) => c310 === undefined && !formatJson(ask).includes('_change')));
  for (let round = 0; round < rounds; round++) {
    const sends = [random.pick(cases), random.pick(cases), random.pick(cases)].flatMap(sendsOf);
    t.deepEqual(await exchange(ours, sends), await exchange(theirs, sends), formatJson(sends));
    await ourRows.clear();
    await theirRows.clear();
  }
});
