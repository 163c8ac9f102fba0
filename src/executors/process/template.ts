/**
 * From a template and a command's params to shell source and the environment in which it runs.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { BodyForm } from "../../config/node_config.ts";
import { type Placeholder, replacePlaceholders } from "../../config/programs/placeholders.ts";
import { ObjectText } from "../../protocol/object_text.ts";
import { flagWords, wordOf } from "./param_words.ts";

/** Above this many bytes `{body}` is a path: Linux refuses one variable over 128 KiB. */
export const MAX_INLINE_BODY = 100_000;

/** As many bytes of words: they are in the environment, and once more among a program's arguments. */
const MAX_WORDS = 500_000;

/** The variable that `{body}` stands for. */
const BODY_VARIABLE = "CYBERWAVE_BODY";

/** The variable that `{body_file}` stands for. */
export const PARAMS_FILE_VARIABLE = "CYBERWAVE_PARAMS_FILE";

/** The variable that `{results}` stands for. */
const RESULTS_VARIABLE = "CYBERWAVE_RESULTS_FOLDER";

/** What is rendered, beside the template. */
export interface TemplateValues {
  /** The params, as JSON. */
  readonly params: string;
  readonly paramsFile: string;
  /** What `{body}` is. Default: JSON. */
  readonly body?: BodyForm;
}

/** A template and the params of a command as what a shell is given, or why that is impossible. */
type Rendered =
  | { readonly source: string; readonly variables: Readonly<Record<string, string>> }
  | { readonly problem: string };

/**
 * A template for these params. Its placeholders become expansions of variables: nothing in the params
 * is ever read as source.
 */
export function renderTemplate(template: string, values: TemplateValues): Rendered {
  try {
    const rendering = new Rendering(values);
    const source = replacePlaceholders(template, (placeholder) => rendering.words(placeholder));
    return { source, variables: rendering.variables };
  } catch (error) {
    if (error instanceof RenderError) return { problem: error.message };
    throw error;
  }
}

/** A template as shell source for a shell that only reads it. */
export function shellSource(template: string): string {
  return replacePlaceholders(template, () => '"$CYBERWAVE_WORD"');
}

/** Whether these params are too large for a variable, so that `{body}` is the path of their file. */
export function isLargeBody(params: string): boolean {
  return Buffer.byteLength(params) > MAX_INLINE_BODY;
}

class RenderError extends Error {}

/** The variables of one rendering, numbered as they come. */
class Rendering {
  readonly variables: Record<string, string>;
  readonly #values: TemplateValues;
  #params: ObjectText | undefined;
  #flags: string | undefined;
  #count = 0;
  #bytes = 0;

  constructor(values: TemplateValues) {
    this.#values = values;
    this.variables = { [PARAMS_FILE_VARIABLE]: values.paramsFile };
  }

  /** What stands in the source for a placeholder. */
  words(placeholder: Placeholder): string {
    switch (placeholder.type) {
      case "body":
        this.variables[BODY_VARIABLE] = this.#body;
        return expansion(BODY_VARIABLE);
      case "body_file":
        return expansion(PARAMS_FILE_VARIABLE);
      case "results":
        return expansion(RESULTS_VARIABLE);
      case "param":
        return this.#add(`CYBERWAVE_PARAM_${++this.#count}`, this.#param(placeholder));
      case "flags":
        return this.#flags ??= this.#flagWords();
    }
  }

  get #body(): string {
    const { params, paramsFile, body } = this.#values;
    return body === "file" || isLargeBody(params) ? paramsFile : withoutNul(params);
  }

  #param({ name, fallback }: Extract<Placeholder, { type: "param" }>): string {
    const word = wordOf(this.#object.textOf(name)) ?? fallback;
    if (word !== undefined) return word;
    throw new RenderError(`the params have no "${name}", which the template needs`);
  }

  #flagWords(): string {
    // Words are shorter than their JSON, so what is refused here would not fit either.
    const words = isWithin(this.#values.params, MAX_WORDS) ? flagWords(this.#object) : undefined;
    if (words === undefined) throw tooLarge("the params are", "{flags}");
    if ("problem" in words) throw new RenderError(words.problem);
    return words.words.map((word, index) => this.#add(`CYBERWAVE_FLAG_${index + 1}`, word))
      .join(" ");
  }

  #add(variable: string, word: string): string {
    this.#bytes += Buffer.byteLength(word);
    if (!isWithin(word, MAX_INLINE_BODY) || this.#bytes > MAX_WORDS) {
      throw tooLarge("a param is", "a command line");
    }
    this.variables[variable] = withoutNul(word);
    return expansion(variable);
  }

  get #object(): ObjectText {
    return this.#params ??= ObjectText.parse(this.#values.params) ?? ObjectText.EMPTY;
  }
}

function tooLarge(what: string, where: string): RenderError {
  return new RenderError(`${what} too large for ${where}: let the template use {body_file}`);
}

function isWithin(text: string, bytes: number): boolean {
  return Buffer.byteLength(text) <= bytes;
}

/** No variable can hold NUL. */
function withoutNul(text: string): string {
  return text.replaceAll("\0", "");
}

function expansion(variable: string): string {
  return `"$${variable}"`;
}
