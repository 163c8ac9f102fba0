/** The platform's own Python packages and those of workers, in a virtual environment that CLOUD_NODE_PYTHON names. */
import { dirname } from "node:path";

const PYTHON = Deno.env.get("CLOUD_NODE_PYTHON");
let told = false;

/** Whether the packages are there. Says so when not. */
export function pythonPackagesAvailable(): boolean {
  if (PYTHON !== undefined && imports(PYTHON)) return true;
  if (!told) {
    console.warn(
      "CLOUD_NODE_PYTHON names no Python with the packages of .ci/requirements.txt: " +
        "the tests that use them are skipped",
    );
  }
  told = true;
  return false;
}

const FIND = `import importlib.util as u
assert all(map(u.find_spec, ["cyberwave", "cyberwave_cli", "numpy", "PIL", "pylsp_jsonrpc"]))`;

function imports(python: string): boolean {
  try {
    const command = new Deno.Command(python, { args: ["-c", FIND], stderr: "null" });
    return command.outputSync().success;
  } catch {
    return false;
  }
}

/** A program of the virtual environment: `python`, `cyberwave`. */
export function pythonProgram(name: string): string {
  return `${dirname(PYTHON!)}/${name}`;
}

/** Runs one of them to its end, with no `CYBERWAVE_` variable but those in `env`. */
export async function runPython(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const inherited = Object.entries(Deno.env.toObject())
    .filter(([name]) => !name.startsWith("CYBERWAVE_"));
  const { code, stdout, stderr } = await new Deno.Command(pythonProgram(program), {
    args: [...args],
    clearEnv: true,
    env: { ...Object.fromEntries(inherited), NO_COLOR: "1", COLUMNS: "200", ...env },
    stdin: "null",
  }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, stdout: out!, stderr: err! };
}
