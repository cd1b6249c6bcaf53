/** What the running kernel can do, found out by trying, in a network namespace of its own, apart from the switch's code. */
import { execFileSync } from 'node:child_process';

/** For each feature, commands of a shell that succeed where the kernel has it; `x` is a name that nothing has. */
const attempts = {
  'bridge VLAN filtering': 'ip link add x type bridge vlan_filtering 1',
  '802.1Q devices': 'ip link add x type veth peer name y; ip link add z link x type vlan id 3',
  bonding: 'ip link add x type bond',
  dummy: 'ip link add x type dummy',
  vxlan: 'ip link add x type vxlan id 1 dstport 4789 remote 192.0.2.1',
  geneve: 'ip link add x type geneve id 1 remote 192.0.2.1',
  gretap: 'ip link add x type gretap local 192.0.2.1 remote 192.0.2.2',
  ip6gretap: 'ip link add x type ip6gretap local 2001:db8::1 remote 2001:db8::2',
  matchall: 'tc qdisc add dev lo clsact; tc filter add dev lo ingress matchall action drop',
  flower: 'tc qdisc add dev lo clsact; tc filter add dev lo ingress flower action drop',
  police:
    'tc qdisc add dev lo clsact; tc filter add dev lo ingress u32 match u32 0 0 action police rate 1mbit burst 10k drop',
  mirred:
    'tc qdisc add dev lo clsact; tc filter add dev lo ingress u32 match u32 0 0 action mirred egress mirror dev lo',
  htb: 'tc qdisc add dev lo root htb',
  hfsc: 'tc qdisc add dev lo root hfsc',
  sfq: 'tc qdisc add dev lo root sfq',
  codel: 'tc qdisc add dev lo root codel',
  fq_codel: 'tc qdisc add dev lo root fq_codel',
  netem: 'tc qdisc add dev lo root netem',
  // The kernel datapath of the C programs.
  openvswitch: '[ -d /sys/module/openvswitch ] || modprobe -q openvswitch',
} as const;

export type Feature = keyof typeof attempts;

const known = new Map<Feature, boolean>();

const attempt = (feature: Feature): boolean => {
  try {
    execFileSync('unshare', ['--net', 'sh', '-ec', attempts[feature]], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

/** Whether the kernel has the feature; false also for who may not try, because only root may. */
export const kernelHas = (feature: Feature): boolean => {
  const has = known.get(feature) ?? attempt(feature);
  known.set(feature, has);
  return has;
};

const isFeature = (text: string): text is Feature => Object.hasOwn(attempts, text);

/** All features that a test may ask for. */
export const listedFeatures: readonly Feature[] = Object.keys(attempts).filter(isFeature);

/** Those that the kernel has. */
export const kernelFeatures = (): Feature[] => listedFeatures.filter((feature) => kernelHas(feature));

/** Whether this is the virtual machine, where everything takes 20 to 50 times as long. */
export const inMachine = process.env.VM_HOST_FEATURES !== undefined;

/**
 * In the virtual machine: whether the kernel of the host, on which the same tests have run, has the feature. undefined
 * on the host itself. The variable is set by build/vm/test.mjs.
 */
export const hostHas = (feature: Feature): boolean | undefined =>
  process.env.VM_HOST_FEATURES?.split(',').includes(feature);
