import { assert, assertEquals, assertMatch } from "@std/assert";
import { linksOf } from "../support/markdown.ts";

const DEB = new URL("../../.ci/deb", import.meta.url).pathname;
const NAME = "cyberwave-cloud-node";
const onDebian = (sentence: string, fn: () => Promise<void>) =>
  Deno.test({ name: sentence, ignore: !runs("dpkg-deb"), fn });

function runs(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["--version"], stdout: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

async function run(program: string, args: string[], env: Record<string, string> = {}) {
  const { success, stdout, stderr } = await new Deno.Command(program, { args, env }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { success, stdout: out!, stderr: err! };
}

/** A package of a program that does nothing, and a computer's root to install it below. */
class Package implements AsyncDisposable {
  private constructor(readonly folder: string, readonly root: string) {}

  static async build(): Promise<Package> {
    const folder = await Deno.makeTempDir({ prefix: "cloud_node_" });
    const built = new Package(folder, `${folder}/root`);
    await built.provide("program", "echo '[Unit]'");
    const { success, stderr } = await run(DEB, [`${folder}/bin/program`, "amd64", folder]);
    assert(success, stderr);
    for (const name of ["etc/cyberwave", "etc/systemd/system", "var/lib", "run/systemd/system"]) {
      await Deno.mkdir(`${built.root}/${name}`, { recursive: true });
    }
    const real = (await run("sh", ["-c", "command -v install"])).stdout.trim();
    await built.provide("adduser", `mkdir -p ${built.root}/var/lib/cyberwave`);
    // As it would, but for users that are not on this computer.
    await built.provide("install", `shift 6; exec ${real} -m 600 "$@"`);
    await built.provide("systemctl", `echo "$*" >>${folder}/asked`);
    return built;
  }

  async provide(name: string, script: string): Promise<void> {
    await Deno.mkdir(`${this.folder}/bin`, { recursive: true });
    await Deno.writeTextFile(`${this.folder}/bin/${name}`, `#!/bin/sh\n${script}\n`, {
      mode: 0o755,
    });
  }

  /** Unpacks its files, and returns where its documentation is. */
  async documentation(): Promise<string> {
    await run("dpkg-deb", ["--extract", await this.#file(), `${this.folder}/files`]);
    return `${this.folder}/files/usr/share/doc/${NAME}`;
  }

  async field(name: string): Promise<string> {
    return (await run("dpkg-deb", ["--field", await this.#file(), name])).stdout.trim();
  }

  /** Configures it over the version `old`. Returns what it printed and what systemd was asked. */
  async configure(old: string): Promise<{ stdout: string; asked: string[] }> {
    const control = `${this.folder}/control`;
    await run("dpkg-deb", ["--control", await this.#file(), control]);
    const PATH = `${this.folder}/bin:${Deno.env.get("PATH")}`;
    const { success, stdout, stderr } = await run(`${control}/postinst`, ["configure", old], {
      DPKG_ROOT: this.root,
      PATH,
    });
    assert(success, stderr);
    const asked = await Deno.readTextFile(`${this.folder}/asked`).catch(() => "");
    return { stdout, asked: asked.split("\n").filter((line) => line !== "") };
  }

  async #file(): Promise<string> {
    for await (const { name } of Deno.readDir(this.folder)) {
      if (name.endsWith(".deb")) return `${this.folder}/${name}`;
    }
    throw new Error("No package was built");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

onDebian(
  "a package is newer than any of the Python agent, and takes the place of all",
  async () => {
    await using built = await Package.build();
    assertEquals(await built.field("Package"), NAME);
    const version = await built.field("Version");
    for (const agent of ["0.2.26", "99.0"]) {
      assert((await run("dpkg", ["--compare-versions", version, "gt", agent])).success, agent);
    }
    const others = `${NAME}-dev, ${NAME}-staging`;
    assertEquals(await built.field("Conflicts"), others);
    assertEquals(await built.field("Replaces"), others);
  },
);

onDebian("a package takes over who the Python agent was, and overwrites nothing", async () => {
  await using built = await Package.build();
  const [config, state] = [`${built.root}/etc/cyberwave`, `${built.root}/var/lib/cyberwave`];
  await Deno.writeTextFile(`${config}/instance_identity.json`, '{"uuid":"u1"}');
  await Deno.writeTextFile(`${config}/.env`, "CYBERWAVE_API_KEY=new");
  await Deno.mkdir(state);
  await Deno.writeTextFile(`${state}/.env`, "CYBERWAVE_API_KEY=mine");
  await built.configure("0.2.26");
  assertEquals(await Deno.readTextFile(`${state}/instance_identity.json`), '{"uuid":"u1"}');
  assertEquals(await Deno.readTextFile(`${state}/.env`), "CYBERWAVE_API_KEY=mine");
  assertEquals(((await Deno.stat(state)).mode ?? 0) & 0o777, 0o700);
  assertEquals(((await Deno.stat(`${state}/instance_identity.json`)).mode ?? 0) & 0o777, 0o600);
  assert((await Deno.stat(`${config}/instance_identity.json`)).isFile);
});

onDebian("a package restarts the node that it replaces, but never the Python agent", async () => {
  await using built = await Package.build();
  assertEquals((await built.configure("")).asked, ["daemon-reload"]);
  assertEquals((await built.configure("0.2.26")).asked.slice(1), ["daemon-reload"]);
  assertEquals((await built.configure("1:0.0.9")).asked.slice(2), [
    "daemon-reload",
    `try-restart ${NAME}`,
  ]);
});

onDebian("a package says so when an installed unit takes the place of its own", async () => {
  await using built = await Package.build();
  const unit = `${built.root}/etc/systemd/system/${NAME}.service`;
  await Deno.writeTextFile(unit, "[Service]\nType=simple\n");
  const { stdout, asked } = await built.configure("0.2.26");
  assertMatch(stdout, /cyberwave compute install.*takes the place of the unit of this package/);
  assertEquals(asked, []);
  await Deno.writeTextFile(unit, "[Service]\nType=notify\n");
  assertEquals((await built.configure("0.2.26")).stdout, "");
});

onDebian(
  "the package has the README and every page, and their links lead from one to the other",
  async () => {
    await using built = await Package.build();
    const doc = new URL(`file://${await built.documentation()}/`);
    const files = ["README.md", "CHANGELOG.md"];
    for await (const { name } of Deno.readDir(new URL("docs/", doc))) files.push(`docs/${name}`);
    assert(files.length > 10);
    const broken: string[] = [];
    for (const file of files) {
      for (const link of linksOf(await Deno.readTextFile(new URL(file, doc)))) {
        if (/^(https?:|#)/.test(link)) continue;
        const target = new URL(link.replace(/#.*/, ""), new URL(file, doc));
        const isThere = await Deno.stat(target).then(() => true, () => false);
        if (!isThere) broken.push(`${file}: ${link}`);
      }
    }
    assertEquals(broken, []);
  },
);
