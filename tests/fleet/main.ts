/** Measures a fleet of 1,000 simulated nodes at one broker (`--nodes N`), and reckons for 10,000. */
import { parseArgs } from "@std/cli/parse-args";
import { fleetText } from "./fleet_text.ts";
import { runFleet } from "./simulation.ts";

const { nodes } = parseArgs(Deno.args, { string: ["nodes"] });
const report = await runFleet({
  nodes: Number(nodes ?? 1_000),
  processes: 4,
  heartbeatSeconds: 30,
  idleSeconds: 65,
});
console.log(fleetText(report));
