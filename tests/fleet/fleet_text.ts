/** What a fleet costs, in Markdown. */
import type { FleetReport } from "./simulation.ts";

/** The figures, and what follows for ten times as many nodes. */
export function fleetText(report: FleetReport): string {
  const { nodes, processes, heartbeatSeconds, heartbeats, reconnected } = report;
  const ms = (value: number) => `${Math.round(value)} ms`;
  const rows: [string, string][] = [
    ["start of all nodes", `${report.startSeconds.toFixed(1)} s`],
    ["memory of a node, without its process", `${report.mebibytesPerNode.toFixed(2)} MiB`],
    ["CPU of an idle node", `${report.cpuPerNode.toFixed(2)} ms a second`],
    ["CPU of the broker while the nodes are idle", `${report.brokerCpu.toFixed(1)} ms a second`],
    [
      `intervals between heartbeats of ${heartbeatSeconds} s`,
      `${heartbeats.count}, up to ${ms(heartbeats.latest)} too long, 99 of 100 up to ${
        ms(heartbeats.p99)
      }`,
    ],
    [
      "connected again after a restart of the broker",
      `${reconnected.count}: the first after ${ms(reconnected.first)}, half after ${
        ms(reconnected.median)
      }, the last after ${ms(reconnected.last)}`,
    ],
    ["most connections within 100 ms", String(reconnected.peak)],
  ];
  const tenfold = 10 * nodes;
  const beats = tenfold / heartbeatSeconds;
  const perSecond = reconnected.peak * 10;
  return `${nodes} nodes in ${processes} processes, at one mosquitto:

| measure | figure |
| ------- | ------ |
${rows.map((row) => `| ${row.join(" | ")} |`).join("\n")}

For ${tenfold} nodes, each on a machine of its own: ${tenfold} / ${heartbeatSeconds} = ${
    beats.toFixed(0)
  } heartbeats a second for the
backend; 10 x ${report.brokerCpu.toFixed(1)} = ${
    (10 * report.brokerCpu).toFixed(0)
  } ms of CPU a second for the broker while they are idle. The waits
before connecting again do not depend on how many nodes there are, so the broker sees ten times as
many at its peak: 10 x ${perSecond} = ${10 * perSecond} connections a second.`;
}
