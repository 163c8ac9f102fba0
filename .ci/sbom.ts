/** Prints what the program is made from, as a CycloneDX bill of materials. */
import manifest from "../deno.json" with { type: "json" };

interface NpmPackage {
  readonly name: string;
  readonly version: string;
}

interface ModuleGraph {
  readonly modules: readonly { readonly specifier: string }[];
  readonly npmPackages: Readonly<Record<string, NpmPackage>>;
}

const { stdout, success } = await new Deno.Command(Deno.execPath(), {
  args: ["info", "--json", "main.ts"],
  cwd: new URL("../", import.meta.url),
  stderr: "inherit",
}).output();
if (!success) Deno.exit(1);
const graph: ModuleGraph = JSON.parse(new TextDecoder().decode(stdout));

const npm = Object.values(graph.npmPackages)
  .map(({ name, version }) => component(name, version, `pkg:npm/${purlName(name)}@${version}`));
const jsr = graph.modules.flatMap(({ specifier }) => {
  const [, name, version] = /\/(@[\w-]+\/[\w-]+)\/(\d[^/]*)\//.exec(specifier) ?? [];
  return name === undefined ? [] : [component(name, version!, jsrUrl(name, version!))];
});
const runtime = component(
  "deno",
  Deno.version.deno,
  `pkg:github/denoland/deno@v${Deno.version.deno}`,
);
const components = new Map([runtime, ...jsr, ...npm].map((found) => [found["bom-ref"], found]));

console.log(JSON.stringify(
  {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    serialNumber: `urn:uuid:${crypto.randomUUID()}`,
    version: 1,
    metadata: {
      timestamp: new Date().toISOString(),
      component: {
        ...component(manifest.name, manifest.version, jsrUrl(manifest.name, manifest.version)),
        type: "application",
        licenses: [{ license: { id: manifest.license } }],
      },
    },
    components: [...components.values()],
  },
  undefined,
  2,
));

function component(name: string, version: string, purl: string) {
  return { type: "library", "bom-ref": purl, name, version, purl };
}

function jsrUrl(name: string, version: string): string {
  return `pkg:jsr/${purlName(name)}@${version}`;
}

function purlName(name: string): string {
  return name.replace("@", "%40");
}
