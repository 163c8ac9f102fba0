/** How long a node is kept from everything else by a big message. */
import { decodeCommand } from "../../src/protocol/decode.ts";
import type { Measure, Result } from "./measure.ts";
import { duration, interleaved } from "./sampling.ts";

const MIB = 2 ** 20;

/** What messages of 8 MiB consist of. */
const PIECES = ["1,", "0.12345678,", '{"a":1},', "[],", '"text",'];

/** Decoding a message of 8 MiB, in turns with JSON.parse(). */
export const message: Measure = {
  name: "message",
  async run(_site, { bursts }) {
    const results: Result[] = [];
    for (const piece of PIECES) {
      const items = piece.repeat(8 * MIB / piece.length - 100);
      const payload = new TextEncoder().encode(`{"command":"x","params":{"a":[${items}0]}}`);
      const times = await interleaved({
        node: () => duration(() => Promise.resolve(decodeCommand(payload, 9 * MIB))),
        floor: () => duration(() => Promise.resolve(JSON.parse(new TextDecoder().decode(payload)))),
      }, bursts);
      results.push({
        name: `a message of 8 MiB of \`${piece}\``,
        value: times.node,
        unit: "ms",
        floor: { value: times.floor, is: "JSON.parse()" },
        goal: { of: "ratio", atMost: 3 },
      });
    }
    return results;
  },
};
