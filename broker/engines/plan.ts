/** What the configuration of another broker is written from. */
import type { Config } from "../../config/index.ts";
import type { Access } from "./access.ts";

export interface EnginePlan {
  /** Folder that the files are for, absolute. */
  readonly folder: string;
  /** The broker's certificate, its key, and the authority that all clients must come from: absolute paths. */
  readonly keys: {
    readonly certificate: string;
    readonly key: string;
    readonly authority: string;
    /** The list of refused certificates; left out while there is none. */
    readonly refused?: string;
  };
  /** Whom the keys belong to: the engine has to run as that user. */
  readonly user: string;
  readonly settings: Config["broker"];
  readonly access: readonly Access[];
  /** Whoever reads on the loopback port. */
  readonly anyone: Access;
  readonly nodes: readonly EngineNode[];
  /** Between the nodes of a cluster; made from the broker's key, so that every export has the same. */
  readonly clusterSecret: string;
}

/** Ports of one node; 0 where there is none. */
export interface EngineNode {
  readonly name: string;
  readonly host: string;
  readonly tls: number;
  readonly bulk: number;
  readonly public: number;
  /** Of the engine's own protocol, and between nodes. */
  readonly client: number;
  readonly cluster: number;
}

/** Texts by file name, relative to the folder. */
export type EngineFiles = ReadonlyMap<string, string>;

export const WRITTEN_BY = "Written by `npm run broker -- export`: changes are lost with the next one.";
