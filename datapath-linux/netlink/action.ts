/** Actions of traffic control (linux/tc_act/*.h, linux/pkt_cls.h): what becomes of the frames that a filter is about. */
import { writeI32, writeU32 } from './bytes.ts';
import type { MessageBuilder } from './message.ts';
import { bytesToTicks, rateSpec, rateTable } from './rate.ts';

/** What happens to a frame after an action (TC_ACT_*): `continue` goes on to the next filter, `pipe` to the next action. */
const verdicts = { continue: -1, ok: 0, drop: 2, pipe: 3, stolen: 4 } as const;
export type Verdict = keyof typeof verdicts;

export type Action =
  | { readonly kind: 'gact'; readonly verdict: Verdict }
  /** A copy of the frame goes to another device, or the frame itself; to be sent by it, or to be received from it. */
  | {
      readonly kind: 'mirred';
      readonly direction: 'ingress' | 'egress';
      readonly copy: boolean;
      readonly ifindex: number;
    }
  /** Drops what exceeds the rate; the rest continues. Rates per second; bursts in bytes and packets. */
  | {
      readonly kind: 'police';
      readonly bytes?: { readonly rate: number; readonly burst: number };
      readonly packets?: { readonly rate: number; readonly burst: number };
    }
  /** Puts a VLAN header in front of the frame: the identifier, and the EtherType that announces it (0x8100, 0x88a8). */
  | { readonly kind: 'vlan'; readonly push: { readonly id: number; readonly protocol: number } }
  /** Takes the outermost VLAN header away. */
  | { readonly kind: 'vlan'; readonly push?: undefined };

/** Appends what is an action's own (TCA_ACT_OPTIONS). */
export function appendAction(message: MessageBuilder, action: Action): void {
  switch (action.kind) {
    case 'gact':
      message.bytes(2, generic(verdicts[action.verdict]));
      return;
    case 'mirred':
      message.bytes(2, mirred(action));
      return;
    case 'police':
      police(message, action);
      return;
    case 'vlan':
      vlan(message, action);
      return;
    default:
      action satisfies never;
  }
}

/** tc_gen: u32 index, u32 capabilities, i32 action, i32 reference count, i32 bindings. */
function generic(verdict: number, extra = 0): Buffer {
  const data = Buffer.alloc(20 + extra);
  writeI32(data, verdict, 8);
  return data;
}

/** struct tc_mirred: tc_gen, i32 what to do, u32 ifindex. A copy passes the frame on to the next action. */
function mirred({ direction, copy, ifindex }: Extract<Action, { kind: 'mirred' }>): Buffer {
  const whatToDo = { egress: { move: 1, copy: 2 }, ingress: { move: 3, copy: 4 } } as const;
  const data = generic(copy ? verdicts.pipe : verdicts.stolen, 8);
  writeI32(data, whatToDo[direction][copy ? 'copy' : 'move'], 20);
  writeU32(data, ifindex, 24);
  return data;
}

/** TCA_VLAN_* */
const vlanAttribute = { parameters: 2, pushId: 3, pushProtocol: 4 } as const;
const vlanOperation = { pop: 1, push: 2 } as const;

/** struct tc_vlan: tc_gen, i32 what to do. */
function vlan(message: MessageBuilder, { push }: Extract<Action, { kind: 'vlan' }>): void {
  const data = generic(verdicts.pipe, 4);
  writeI32(data, push ? vlanOperation.push : vlanOperation.pop, 20);
  message.bytes(vlanAttribute.parameters, data);
  if (!push) return;
  const protocol = Buffer.alloc(2);
  protocol.writeUInt16BE(push.protocol);
  message.u16(vlanAttribute.pushId, push.id).bytes(vlanAttribute.pushProtocol, protocol);
}

/** TCA_POLICE_* */
const policeAttribute = { tbf: 1, rateTable: 2, result: 5, rate64: 8, packetRate: 10, packetBurst: 11 } as const;
/** The largest frame that passes at all: those of segmentation offload, which are policed whole. */
const policeMtu = 65535;

/**
 * struct tc_police: u32 index, i32 action, u32 limit, u32 burst in ticks, u32 mtu, two rates of 12 bytes, i32, i32, u32.
 * TCA_POLICE_RESULT is what happens to frames within the rate.
 */
function police(message: MessageBuilder, { bytes, packets }: Extract<Action, { kind: 'police' }>): void {
  const data = Buffer.alloc(56);
  writeI32(data, verdicts.drop, 4);
  if (bytes) {
    writeU32(data, bytesToTicks(bytes.rate, bytes.burst), 12);
    rateSpec(bytes.rate).copy(data, 20);
  }
  writeU32(data, policeMtu, 16);
  message.bytes(policeAttribute.tbf, data);
  if (bytes) message.bytes(policeAttribute.rateTable, rateTable(bytes.rate));
  if (bytes && bytes.rate > 0xffffffff) message.u64(policeAttribute.rate64, BigInt(bytes.rate));
  if (packets) {
    message.u64(policeAttribute.packetRate, BigInt(packets.rate));
    message.u64(policeAttribute.packetBurst, BigInt(bytesToTicks(packets.rate, packets.burst)));
  }
  message.u32(policeAttribute.result, verdicts.continue >>> 0);
}
