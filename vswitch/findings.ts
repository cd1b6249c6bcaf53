/** What is wrong in a situation: one function for each kind of mistake, listed in a table. Pure. */
import { bridgeDevice } from '../datapath-linux/names.ts';
import { attachmentChecks, bridgeChecks, portAddress } from './checks.ts';
import { type Finding, finding, remedy, shell } from './finding.ts';
import type { ExaminedBridge, Situation } from './situation.ts';
import { tunRemedies } from './tun-device.ts';

type SituationCheck = (situation: Situation) => Finding | undefined;

/** What is wrong: first what explains the rest, last what concerns no interface in particular. */
export const findings = (situation: Situation): Finding[] => {
  const apply = (checks: readonly SituationCheck[]): Finding[] => checks.flatMap((check) => check(situation) ?? []);
  const specific = situation.bridges.flatMap((bridge) => findingsOf(bridge, situation));
  return [...apply(switchChecks), ...specific, ...apply(hostChecks)];
};

/** Without a switch at work here, what it would have made is missing for that one reason. */
const findingsOf = (bridge: ExaminedBridge, situation: Situation): Finding[] => {
  const isServed = situation.switchRunning && !isElsewhere(situation);
  const checks = isServed ? attachmentChecks : [portAddress];
  const found = bridge.attachments.flatMap((each) => checks.flatMap((check) => check(each, situation) ?? []));
  return found.length > 0 || !isServed ? found : bridgeChecks.flatMap((check) => check(bridge, situation) ?? []);
};

const switchAway: SituationCheck = ({ switchRunning, server }) =>
  switchRunning
    ? undefined
    : finding(
        'The switch is not running: nothing is done of what the database says, and ovs-vsctl waits for it unless it is told --no-wait.',
        remedy('Start it, as root:', shell`ovs-vswitchd ${server}`),
        remedy('Or end the database server and start both in one, as root:', 'vswitch'),
      );

const switchElsewhere: SituationCheck = (situation) =>
  isElsewhere(situation)
    ? finding(
        'The switch is running, but there is none of its bridges here: it works in another network namespace.',
        remedy('Ask the doctor there:', 'ip netns exec NAMESPACE vswitch doctor'),
      )
    : undefined;

/** In its own namespace the switch has made a device for every bridge that it does not refuse, whatever its ports lack. */
const isElsewhere = ({ switchRunning, bridges, kernel }: Situation): boolean => {
  const realized = bridges.filter(({ attachments }) =>
    attachments.every(({ iface, local }) => !local || iface.error === undefined),
  );
  const isHere = ({ name }: ExaminedBridge): boolean =>
    kernel.find(bridgeDevice(name)) !== undefined || kernel.find(name) !== undefined;
  return switchRunning && realized.length > 0 && !realized.some(isHere);
};

/** Matters as soon as there is a tap that a program is to open. */
const tunDevice: SituationCheck = ({ tun, bridges }) => {
  const taps = bridges.flatMap(({ attachments }) =>
    attachments.filter(({ iface, link }) => iface.type === 'tap' || link?.tun?.tap === true),
  );
  if (tun === undefined || taps.length === 0) return undefined;
  const { text, commands } = tunRemedies[tun];
  return finding(text, remedy('Mend it, as root:', ...commands));
};

const switchChecks: readonly SituationCheck[] = [switchAway, switchElsewhere];
const hostChecks: readonly SituationCheck[] = [tunDevice];
