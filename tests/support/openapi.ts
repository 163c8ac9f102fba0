/** The description of the HTTP API, and whether answers are as it says. */
import { assert, assertEquals } from "@std/assert";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import document from "../../src/http/openapi.json" with { type: "json" };
import type { RawAnswer } from "./http_client.ts";

/** What a request may be answered with. */
interface Operation {
  readonly method: string;
  readonly path: string;
  readonly isOpen: boolean;
  readonly responses: Readonly<Record<string, DescribedResponse>>;
}

interface DescribedResponse {
  readonly content?: Readonly<Record<string, { readonly schema: unknown }>>;
  readonly headers?: Readonly<Record<string, DescribedHeader>>;
}

interface DescribedHeader {
  readonly required?: boolean;
  readonly schema: unknown;
}

interface DescribedOperation {
  readonly security?: readonly unknown[];
  readonly responses: Readonly<Record<string, object>>;
}

const FORMATS: Readonly<Record<string, RegExp>> = {
  "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
  uri: /^https?:\/\/\S+$/,
};

/** What is described. */
export const OPERATIONS: readonly Operation[] = Object.entries(document.paths)
  .flatMap(([path, methods]) =>
    Object.entries<DescribedOperation>(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      isOpen: "security" in operation,
      responses: Object.fromEntries(
        Object.entries(operation.responses).map(([status, response]) =>
          [status, resolved(response)] as const
        ),
      ),
    }))
  );

/** What the validator of OpenAPI has to say about the description; `undefined`: nothing. */
export async function problemsOfDocument(): Promise<unknown> {
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  return valid ? undefined : errors;
}

/** Checks answers against the description, and notes which of them there were. */
export class AnswerChecker {
  readonly #ajv = new Ajv2020({ strict: false, formats: { ...FORMATS } });
  readonly #seen = new Set<string>();

  constructor() {
    this.#ajv.addSchema(document, "openapi.json");
  }

  /** Fails unless the answer to a request is one that is described. */
  check(method: string, path: string, { status, headers, body }: RawAnswer): void {
    const operation = OPERATIONS.find((operation) =>
      operation.method === method && isPathOf(operation.path, path)
    );
    const name = `${method} ${path}`;
    assert(operation !== undefined, `${name} is not described`);
    const response = operation.responses[status];
    assert(response !== undefined, `${name}: ${status} is not described: ${body}`);
    this.#seen.add(`${method} ${operation.path} ${status}`);
    for (const [header, { required, schema }] of Object.entries(response.headers ?? {})) {
      if (required || headers.has(header)) {
        this.#validate(schema, headers.get(header), `${name}: the header ${header}`);
      }
    }
    if (response.content === undefined) return assertEquals(body, "", name);
    const type = headers.get("content-type")!;
    assert(type in response.content, `${name}: ${status} as ${type} is not described`);
    const value = type === "application/json" ? JSON.parse(body) : body;
    this.#validate(response.content[type]!.schema, value, `${name} ${status}`);
  }

  /** The answers that are described and were not seen. */
  get unseen(): string[] {
    return OPERATIONS.flatMap(({ method, path, responses }) =>
      Object.keys(responses).map((status) => `${method} ${path} ${status}`)
    ).filter((answer) => !this.#seen.has(answer));
  }

  #validate(schema: unknown, value: unknown, name: string): void {
    // References are to the whole document.
    const absolute = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"openapi.json#/'));
    const isValid = this.#ajv.validate(absolute, value);
    assert(isValid, `${name}: ${this.#ajv.errorsText()}: ${JSON.stringify(value)}`);
  }
}

function isPathOf(described: string, path: string): boolean {
  const pattern = described.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+");
  return new RegExp(`^${pattern}$`).test(path.split("?")[0]!);
}

function resolved(response: object): DescribedResponse {
  if (!("$ref" in response)) return response;
  const name = String(response.$ref).split("/").at(-1)!;
  return (document.components.responses as Record<string, DescribedResponse>)[name]!;
}
