import type { Command } from '../command.ts';
import type { Context, Invocation, Output } from '../context.ts';
import { CommandFailure } from '../failure.ts';
import { lines } from './bridge.ts';

const listInterfaces = ({ model }: Context, { arguments: [name = ''] }: Invocation): Output =>
  lines(model.interfaces(model.bridge(name)).map((each) => each.name));

const interfaceToBridge = ({ model }: Context, { arguments: [name = ''] }: Invocation): Output => {
  const bridge = model.interface(name).port.bridge.name;
  if (bridge === name) throw new CommandFailure(`no interface named ${name}`);
  return `${bridge}\n`;
};

export const interfaceCommands: readonly Command[] = [
  {
    name: 'list-ifaces',
    minArguments: 1,
    maxArguments: 1,
    usage: 'BRIDGE',
    about: 'print its interfaces but the local one',
    options: [],
    writes: false,
    run: listInterfaces,
  },
  {
    name: 'iface-to-br',
    minArguments: 1,
    maxArguments: 1,
    usage: 'IFACE',
    about: 'print the bridge that an interface is on',
    options: [],
    writes: false,
    run: interfaceToBridge,
  },
];
