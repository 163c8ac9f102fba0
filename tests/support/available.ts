/** Programs that not every computer has. */

/** The first of these command lines whose program is here and tells its version. */
export async function available(...commands: readonly string[][]): Promise<string[] | undefined> {
  for (const [program = "", ...args] of commands) {
    const command = new Deno.Command(program, {
      args: [...args, "--version"],
      stdout: "null",
      stderr: "null",
    });
    try {
      if ((await command.output()).success) return [program, ...args];
    } catch {
      // There is no such program.
    }
  }
  return undefined;
}
