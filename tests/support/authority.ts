/** Certificates for tests of TLS. */
import { assert } from "@std/assert";
import { join } from "node:path";

/** A certificate authority made for one test. */
export class Authority implements AsyncDisposable {
  /** Its certificate. */
  readonly pem: string;
  readonly #folder: string;

  private constructor(folder: string, pem: string) {
    this.#folder = folder;
    this.pem = pem;
  }

  /** The file of its certificate. */
  get file(): string {
    return join(this.#folder, "ca.pem");
  }

  static async create(): Promise<Authority> {
    const folder = await Deno.makeTempDir({ prefix: "authority_" });
    await openssl(folder, "req", "-x509", ...KEY, ...keyFile("ca"), ...subject("Test authority"));
    return new Authority(folder, await Deno.readTextFile(join(folder, "ca.pem")));
  }

  /** Makes a server certificate with an extension such as `subjectAltName=DNS:localhost`. */
  async issue(extension: string): Promise<{ certificate: string; key: string }> {
    await Deno.writeTextFile(join(this.#folder, "extension"), extension);
    await openssl(this.#folder, "req", ...KEY, ...keyFile("server"), ...subject("server"));
    const signer = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
    const request = ["-req", "-in", "server.pem", "-out", "signed.pem", "-days", "2"];
    await openssl(this.#folder, "x509", ...request, ...signer, "-extfile", "extension");
    return {
      certificate: join(this.#folder, "signed.pem"),
      key: join(this.#folder, "server.key"),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

function keyFile(name: string): string[] {
  return ["-keyout", `${name}.key`, "-out", `${name}.pem`];
}

function subject(name: string): string[] {
  return ["-subj", `/CN=${name}`];
}

async function openssl(folder: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", { args, cwd: folder }).output();
  assert(success, new TextDecoder().decode(stderr));
}
