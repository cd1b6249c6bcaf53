import { Datum } from '../../schema/datum.ts';
import type { Command } from '../command.ts';
import type { Context, Invocation, Output } from '../context.ts';

const getSsl = ({ view, root, model }: Context): Output => {
  const [ssl] = model.references(root, view.column('Open_vSwitch', 'ssl'));
  if (ssl === undefined) return '';
  const { table } = ssl;
  view.load([ssl], table.ownColumns);
  const value = (name: string) => view.scalar(ssl, table.column(name));
  return [
    `Private key: ${value('private_key')}\n`,
    `Certificate: ${value('certificate')}\n`,
    `CA Certificate: ${value('ca_cert')}\n`,
    `Bootstrap: ${value('bootstrap_ca_cert')}\n`,
  ].join('');
};

const deleteSsl = ({ view, root }: Context): Output => {
  view.assign(root, view.column('Open_vSwitch', 'ssl'), Datum.empty);
  return '';
};

const setSsl = ({ view, root }: Context, invocation: Invocation): Output => {
  const [privateKey = '', certificate = '', caCertificate = ''] = invocation.arguments;
  const table = view.table('SSL');
  const ssl = view.insert(table);
  view.assign(ssl, table.column('private_key'), Datum.of(privateKey));
  view.assign(ssl, table.column('certificate'), Datum.of(certificate));
  view.assign(ssl, table.column('ca_cert'), Datum.of(caCertificate));
  view.assign(ssl, table.column('bootstrap_ca_cert'), Datum.of(invocation.options.has('--bootstrap')));
  view.assign(root, view.column('Open_vSwitch', 'ssl'), Datum.of(ssl.uuid));
  return '';
};

export const sslCommands: readonly Command[] = [
  {
    name: 'get-ssl',
    about: 'print the files that TLS uses',
    minArguments: 0,
    maxArguments: 0,
    usage: '',
    options: [],
    writes: false,
    run: getSsl,
  },
  {
    name: 'del-ssl',
    about: 'remove them from the configuration',
    minArguments: 0,
    maxArguments: 0,
    usage: '',
    options: [],
    writes: true,
    run: deleteSsl,
  },
  {
    name: 'set-ssl',
    minArguments: 3,
    maxArguments: 3,
    usage: 'PRIVATE-KEY CERTIFICATE CA-CERT',
    about: 'set the files that TLS uses',
    options: ['--bootstrap'],
    writes: true,
    run: setSsl,
  },
];
