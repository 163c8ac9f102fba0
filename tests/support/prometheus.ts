/** What of Prometheus a test can have without a server of its own. */

let told = false;

/** Whether promtool is there. Says so when not; on CI for Linux that is an error. */
export function promtoolAvailable(): boolean {
  try {
    new Deno.Command("promtool", { args: ["--version"], stdout: "null", stderr: "null" })
      .outputSync();
    return true;
  } catch {
    if (Deno.env.get("CI") === "true" && Deno.build.os === "linux") {
      throw new Error("promtool is not installed, and on CI its tests must not be skipped");
    }
    if (!told) console.warn("promtool is not installed: the tests that need it are skipped");
    told = true;
    return false;
  }
}

/** Runs promtool and returns what it says; fails the test unless it is content. */
export async function promtool(args: readonly string[], input = ""): Promise<string> {
  const command = new Deno.Command("promtool", {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  const child = command.spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  if (code !== 0) throw new Error(`promtool ${args.join(" ")} ended with code ${code}: ${said}`);
  return said;
}
