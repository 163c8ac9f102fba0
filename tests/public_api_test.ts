import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";

interface Comment {
  readonly doc?: string;
  readonly tags?: readonly { readonly kind: string; readonly doc?: string }[];
}

/** A member of a class or interface, as `deno doc --json` tells of it. */
interface Member {
  readonly name?: string;
  readonly accessibility?: string;
  readonly optional?: boolean;
  readonly jsDoc?: Comment;
}

interface Symbol {
  readonly name: string;
  readonly declarations: readonly {
    readonly jsDoc?: Comment;
    readonly def: {
      readonly constructors?: readonly Member[];
      readonly methods?: readonly Member[];
      readonly properties?: readonly Member[];
    };
  }[];
}

async function publicSymbols(): Promise<readonly Symbol[]> {
  const module = fileURLToPath(new URL("../mod.ts", import.meta.url));
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", module],
    stderr: "null",
  }).output();
  const [documented] = Object.values(JSON.parse(new TextDecoder().decode(stdout)).nodes);
  return (documented as { symbols: Symbol[] }).symbols;
}

const SYMBOLS = await publicSymbols();

function examplesOf({ jsDoc }: { readonly jsDoc?: Comment }): string[] {
  return (jsDoc?.tags ?? []).filter(({ kind }) => kind === "example").map(({ doc }) => doc ?? "");
}

Deno.test("the public API is small: a node, its client, their options and their errors", () => {
  assertEquals(SYMBOLS.map(({ name }) => name).sort(), [
    "ActiveWorkload",
    "AuthenticationError",
    "BackendError",
    "BodyForm",
    "BrokerError",
    "CallOptions",
    "CancelOptions",
    "CloudNode",
    "CloudNodeClient",
    "CloudNodeClientOptions",
    "CloudNodeConfig",
    "CloudNodeError",
    "CloudNodeErrorOptions",
    "CloudNodeEvent",
    "CloudNodeEvents",
    "CloudNodeOptions",
    "CloudNodeSnapshot",
    "CommandConfig",
    "CommandEnd",
    "CommandFailedError",
    "CommandInfo",
    "CommandProgress",
    "CommandReply",
    "ConfigError",
    "ControlPlaneName",
    "ExecutorChange",
    "Handler",
    "HandlerContext",
    "HandlerOptions",
    "Handlers",
    "InstallScriptError",
    "JobOutput",
    "KubernetesConfig",
    "LogFields",
    "LogFormat",
    "LogLevel",
    "Logger",
    "MissingPermissionError",
    "NoReplyError",
    "NodeIdentity",
    "NodeStatus",
    "PerKind",
    "ProgramConfig",
    "Progress",
    "RayConfig",
    "ReadinessConfig",
    "Resources",
    "RunOptions",
    "RunResult",
    "ServerApi",
    "ServerConfig",
    "SlurmConfig",
    "StateFolderInUseError",
    "StopSignal",
    "WarmConfig",
    "WorkerConfig",
    "WorkloadKind",
  ]);
});

Deno.test("every public symbol has an example, which the doc tests run as a user would", () => {
  for (const { name, declarations: [declaration] } of SYMBOLS) {
    const examples = examplesOf(declaration!);
    assert(examples.length > 0, `${name} has no example`);
    for (const example of examples) {
      assert(example.includes('from "@cyberwave/cloud-node"'), `${name}: ${example}`);
      assert(!example.includes("```ts ignore"), `${name} has an example that is not run`);
    }
  }
});

Deno.test("every public member says what it is", () => {
  for (const { name, declarations: [declaration] } of SYMBOLS) {
    assert(declaration!.jsDoc?.doc, name);
    const { constructors = [], methods = [], properties = [] } = declaration!.def;
    for (const member of [...constructors, ...methods, ...properties]) {
      if (member.accessibility === "private") continue;
      assert(member.jsDoc?.doc, `${name}.${member.name}`);
    }
  }
});

Deno.test("every option that may be left out says what it is then", () => {
  const options = SYMBOLS.filter(({ name }) => /Options$|Config$/.test(name));
  for (const { name, declarations: [declaration] } of options) {
    for (const { name: property, jsDoc, optional } of declaration!.def.properties ?? []) {
      if (!optional) continue;
      assert(
        /Default|cannot start without/.test(jsDoc!.doc!),
        `${name}.${property}: ${jsDoc!.doc}`,
      );
    }
  }
});
