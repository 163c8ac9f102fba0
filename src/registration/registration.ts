/**
 * Obtaining an instance from the backend and registering this node as it.
 *
 * @module
 */
import type { Instance } from "../backend/backend.ts";
import { BackendError, ConfigError, quoted } from "../errors.ts";
import type { Identity } from "./identity.ts";
import { retry, type TokenRetryParts } from "./retry.ts";

/** The calls of registration. */
interface InstanceApi {
  /** Creates an instance. */
  createInstance(
    request: {
      profileSlug: string;
      slug?: string;
      workspaceUuid?: string;
      environmentUuid?: string;
    },
    signal?: AbortSignal,
  ): Promise<Instance>;
  /** Registers the instance `uuid`; `"gone"` when there is no such instance. */
  register(
    uuid: string,
    request: { profileSlug: string; environmentUuid?: string },
    signal?: AbortSignal,
  ): Promise<Instance | "gone">;
}

/** Where the identity is remembered. */
interface Identities {
  /** The stored identity, if there is one. */
  read(): Promise<Identity | undefined>;
  /** Stores an identity durably. */
  write(identity: Identity): Promise<void>;
}

/** The settings that registration depends on. */
export interface RegistrationSettings {
  /** The hardware and capability profile. */
  profileSlug: string;
  /** A hint for the slug of a new instance. */
  slug?: string;
  /** The workspace to work in. */
  workspaceSlug?: string;
  /** The workspace in which a new instance is created. */
  workspaceUuid?: string;
  /** The environment the instance is reserved for. */
  environmentUuid?: string;
  /** The instance this node was provisioned as: it is registered, and none is ever created. */
  instanceUuid?: string;
}

/** What registration works with. */
interface RegistrationParts extends TokenRetryParts {
  /** The backend. */
  api: InstanceApi;
  /** Where the identity is stored. */
  store: Identities;
}

/**
 * Creates and registers the node's instance. Failures of the backend are retried for as long as it
 * takes; a token that is refused and never was accepted throws an `AuthenticationError`, a
 * provisioned instance that was never registered from here and does not exist a `ConfigError`.
 */
export class Registration {
  readonly #settings: RegistrationSettings;
  readonly #parts: RegistrationParts;
  #stored: Identity | undefined;
  #loaded: Promise<void> | undefined;

  /** Does not call anything yet. */
  constructor(settings: RegistrationSettings, parts: RegistrationParts) {
    this.#settings = settings;
    this.#parts = parts;
  }

  /** Reads the stored identity, which `known` needs. */
  load(): Promise<void> {
    return this.#loaded ??= this.#parts.store.read().then((stored) => {
      this.#stored = stored;
    });
  }

  /** The instance that this node is or will register as, as far as that is known yet. */
  get known(): { uuid: string; slug?: string } | undefined {
    const { instanceUuid } = this.#settings;
    if (instanceUuid === undefined) return this.#belongsElsewhere ? undefined : this.#stored;
    return this.#stored?.uuid === instanceUuid ? this.#stored : { uuid: instanceUuid };
  }

  /** The instance to register: the provisioned one, else the stored one, else a new, stored one. */
  async obtain(signal?: AbortSignal): Promise<{ uuid: string; slug?: string }> {
    await this.load();
    if (this.#settings.instanceUuid === undefined) this.#explainStored();
    return this.known ?? await this.#createWithRetries(signal);
  }

  /** Registers `instance`, or a new one when the backend does not know it any more. */
  register(instance: { uuid: string }, signal?: AbortSignal): Promise<Identity> {
    let { uuid } = instance;
    const { profileSlug, environmentUuid, instanceUuid } = this.#settings;
    const request = { profileSlug, environmentUuid };
    return this.#retry("register", async () => {
      const { api, logger } = this.#parts;
      let answer = await api.register(uuid, request, signal);
      if (answer === "gone" && uuid === instanceUuid) throw this.#unknownProvisioned(uuid);
      if (answer === "gone") {
        logger.warn(`The backend does not know the instance ${quoted(uuid)}: creating another`);
        uuid = (await this.#create(signal)).uuid;
        answer = await api.register(uuid, request, signal);
      }
      if (answer === "gone") {
        throw new BackendError(`the backend does not know ${quoted(uuid)}, which it just created`);
      }
      const identity = await this.#remember(answer);
      logger.info(`Registered as ${quoted(identity.slug)} (${identity.uuid})`);
      return identity;
    }, signal);
  }

  /**
   * Registers again when the backend no longer has the instance: the provisioned one, or else a new
   * one.
   */
  async renew(signal?: AbortSignal): Promise<Identity> {
    const { instanceUuid } = this.#settings;
    if (instanceUuid !== undefined) return await this.register({ uuid: instanceUuid }, signal);
    return await this.register(await this.#createWithRetries(signal), signal);
  }

  get #belongsElsewhere(): boolean {
    const { workspaceSlug } = this.#settings;
    const itsWorkspace = this.#stored?.workspaceSlug;
    return Boolean(workspaceSlug && itsWorkspace && workspaceSlug !== itsWorkspace);
  }

  /** Logs whether the stored instance is used. */
  #explainStored(): void {
    const stored = this.#stored;
    if (stored === undefined) return;
    const { slug, workspaceSlug } = this.#settings;
    const known = `the stored instance ${quoted(stored.slug)} (${stored.uuid})`;
    if (this.#belongsElsewhere) {
      return this.#parts.logger.warn(
        `Not using ${known}: it belongs to the workspace ${quoted(stored.workspaceSlug)}, ` +
          `not to ${quoted(workspaceSlug)}`,
      );
    }
    const hint = slug === undefined || slug === stored.slug
      ? ""
      : `; the slug ${quoted(slug)} is a hint for new instances only`;
    this.#parts.logger.info(`Using ${known}${hint}`);
  }

  #createWithRetries(signal?: AbortSignal): Promise<Identity> {
    return this.#retry("create an instance", () => this.#create(signal), signal);
  }

  async #create(signal?: AbortSignal): Promise<Identity> {
    const { profileSlug, slug, workspaceUuid, environmentUuid } = this.#settings;
    const request = { profileSlug, slug, workspaceUuid, environmentUuid };
    return await this.#remember(await this.#parts.api.createInstance(request, signal));
  }

  /** The error of a node whose provisioned instance the backend does not know. */
  #unknownProvisioned(uuid: string): ConfigError | BackendError {
    const hint = "Correct CYBERWAVE_CLOUD_NODE_INSTANCE_UUID, or unset it to have one created";
    // A node that was registered under this UUID is configured right: the backend may recover.
    return this.#stored?.uuid === uuid
      ? new BackendError(`the backend has no instance ${quoted(uuid)} any more`, {
        status: 404,
        hint,
      })
      : new ConfigError(`The backend has no active instance ${quoted(uuid)}`, { hint });
  }

  /** Stores the identity that the backend gave this node, if it is new. */
  async #remember({ uuid, slug }: Instance): Promise<Identity> {
    const { clock, store } = this.#parts;
    const known = this.#stored?.uuid === uuid ? this.#stored : undefined;
    const workspaceSlug = this.#settings.workspaceSlug ?? known?.workspaceSlug ?? null;
    if (known?.slug === slug && known.workspaceSlug === workspaceSlug) return known;
    const registeredAt = new Date(clock.now()).toISOString();
    const identity = { uuid, slug, workspaceSlug, registeredAt };
    await store.write(identity);
    this.#stored = identity;
    return identity;
  }

  #retry<T>(action: string, attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return retry(action, attempt, this.#parts, signal);
  }
}
