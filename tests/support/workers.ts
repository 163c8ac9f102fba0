/** Ends the workers that a test has left loaded. */
import { signalProcesses } from "../../src/os/processes.ts";
import { isAlive } from "./executors.ts";

/** Kills every worker with files in this folder, and resolves when none is left. */
export async function endWorkers(workersFolder: string): Promise<void> {
  for (const { name } of Deno.readDirSync(workersFolder)) {
    const text = await Deno.readTextFile(`${workersFolder}/${name}/process`).catch(() => "");
    const pid = Number(text.split(" ")[0]);
    if (pid <= 1) continue;
    await signalProcesses([-pid], "SIGKILL");
    while (await isAlive(pid));
  }
}
