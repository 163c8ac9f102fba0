/** What came of a run of the chaos test. */

/** What came of a run. */
export interface ChaosReport {
  /** Every broken promise; empty when all is well. */
  readonly problems: readonly string[];
  /** How many commands were sent, and how many replies came. */
  readonly tasks: number;
  readonly replies: number;
  /** How many commands the platform followed, and how many commands were refused. */
  readonly followed: number;
  readonly refused: number;
  /** How often a process of a workload was killed, the broker was killed, and the disk was full. */
  readonly kills: number;
  readonly brokerKills: number;
  readonly full: number;
}

/** A report in one sentence. */
export function describe(report: ChaosReport): string {
  const { tasks, followed, refused, replies, kills, brokerKills, full, problems } = report;
  return `${tasks} commands (${followed} followed by the platform, ${refused} refused), ` +
    `${replies} replies; ${kills} times a workload's process was killed, ${brokerKills} times the ` +
    `broker, and ${full} times the disk was full: ${problems.length} problems`;
}
