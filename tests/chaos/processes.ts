/** Looking for processes that should not be there. */

/** The command lines of all processes that have `variable` in their environment, by pid. */
export async function processesWith(variable: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const environment = await Deno.readTextFile(`/proc/${name}/environ`);
      if (!environment.split("\0").includes(variable)) continue;
      const words = (await Deno.readTextFile(`/proc/${name}/cmdline`)).split("\0");
      found.push(`${name}: ${words.join(" ").slice(0, 200)}`);
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}
