/** A JSR registry on loopback: takes packages as `deno publish` sends them, and serves them. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = new URL("../../", import.meta.url);

/** A registry that passes on what it does not have from the one that this machine can use. */
export class Registry implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #packages = new Map<string, Version>();

  /** What it says is the newest version of what was published. Default: the one that was. */
  newest: string | undefined;

  private constructor(readonly folder: string, readonly upstream: string) {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => this.#handle(request),
    );
  }

  /** Starts one. */
  static async start(): Promise<Registry> {
    const folder = await Deno.makeTempDir({ prefix: "registry_" });
    return new Registry(folder, Deno.env.get("JSR_URL") ?? "https://jsr.io/");
  }

  /** What JSR_URL must be. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  /** The environment in which Deno uses this registry, with what it caches of it kept apart. */
  async env(): Promise<Record<string, string>> {
    const info = await run(["info", "--json"], {});
    const { npmCache } = JSON.parse(info.stdout);
    const cache = join(this.folder, "deno");
    await Deno.mkdir(join(cache, "npm"), { recursive: true });
    // Packages from npm are the same whichever registry is used.
    await Deno.remove(join(cache, "npm"));
    await Deno.symlink(npmCache, join(cache, "npm"), { type: "dir" });
    return { JSR_URL: this.url, DENO_DIR: cache, DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" };
  }

  /** Publishes this package here. */
  async publish(): Promise<void> {
    const args = ["publish", "--allow-dirty", "--token", "any", "--no-provenance"];
    const { code, stderr } = await run(args, await this.env(), ROOT);
    if (code !== 0) throw new Error(`deno publish failed:\n${stderr}`);
  }

  /** The names of the files of a package that was published here. */
  files(name: string): string[] {
    return Object.keys(this.#packages.get(name)!.manifest).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
    await Deno.remove(this.folder, { recursive: true });
  }

  async #handle(request: Request): Promise<Response> {
    const path = new URL(request.url).pathname;
    const [, scope, name, version] =
      /^\/api\/scopes\/([\w-]+)\/packages\/([\w-]+)(?:\/versions\/([\w.-]+))?$/.exec(path) ?? [];
    if (version !== undefined) {
      if (request.method !== "POST") return new Response("", { status: 404 });
      const bytes = new Uint8Array(await request.arrayBuffer());
      this.#packages.set(`@${scope}/${name}`, await this.#unpack(bytes, version));
      return Response.json({ id: "task", status: "success", error: null });
    }
    if (scope !== undefined) return Response.json({ scope, name });
    return await this.#serve(path);
  }

  async #unpack(archive: Uint8Array<ArrayBuffer>, version: string): Promise<Version> {
    const folder = await Deno.makeTempDir({ dir: this.folder });
    const tar = new Deno.Command("tar", { args: ["-xzf", "-", "-C", folder], stdin: "piped" })
      .spawn();
    await new Blob([archive]).stream().pipeTo(tar.stdin);
    if (!(await tar.status).success) throw new Error("Cannot unpack what was published");
    const manifest = await manifestOf(folder);
    const { exports } = JSON.parse(await Deno.readTextFile(join(folder, "deno.json")));
    return { version, folder, manifest, exports };
  }

  async #serve(path: string): Promise<Response> {
    const [, name, file] = /^\/(@[\w-]+\/[\w-]+)\/(.+)$/.exec(path) ?? [];
    const published = name === undefined ? undefined : this.#packages.get(name);
    if (published === undefined) return await this.#pass(path);
    const { version, folder, manifest, exports } = published;
    if (file === "meta.json") {
      return Response.json({ name, latest: this.newest ?? version, versions: { [version]: {} } });
    }
    if (file === `${version}_meta.json`) return Response.json({ manifest, exports });
    const inside = file.slice(version.length);
    if (!(inside in manifest)) return new Response("", { status: 404 });
    return new Response(await Deno.readFile(join(folder, inside)), { headers: typeOf(inside) });
  }

  async #pass(path: string): Promise<Response> {
    try {
      const url = new URL(`.${path}`, this.upstream);
      const response = await fetch(url);
      // A registry of files has no checksums, without which nothing is taken from a server.
      if (url.protocol === "file:" && path.endsWith("_meta.json")) {
        const manifest = await manifestOf(fileURLToPath(url).replace(/_meta\.json$/, ""));
        return Response.json({ ...await response.json(), manifest });
      }
      return new Response(await response.bytes(), {
        status: response.status,
        headers: typeOf(path),
      });
    } catch {
      return new Response("", { status: 404 });
    }
  }
}

interface Version {
  readonly version: string;
  readonly folder: string;
  readonly manifest: Record<string, { readonly size: number; readonly checksum: string }>;
  readonly exports: unknown;
}

async function manifestOf(folder: string): Promise<Version["manifest"]> {
  const manifest: Version["manifest"] = {};
  for await (const path of filesIn(folder, "")) {
    const bytes = await Deno.readFile(join(folder, path));
    const digest = await crypto.subtle.digest("SHA-256", bytes);
    const checksum = `sha256-${new Uint8Array(digest).toHex()}`;
    manifest[path] = { size: bytes.length, checksum };
  }
  return manifest;
}

/** Runs `deno` to its end. */
export async function run(
  args: readonly string[],
  env: Record<string, string>,
  cwd?: string | URL,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    env,
    cwd,
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

async function* filesIn(folder: string, path: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(join(folder, path))) {
    if (isDirectory) yield* filesIn(folder, `${path}/${name}`);
    else yield `${path}/${name}`;
  }
}

function typeOf(path: string): Record<string, string> {
  const type = path.endsWith(".json") ? "application/json" : "text/typescript";
  return { "Content-Type": type };
}
