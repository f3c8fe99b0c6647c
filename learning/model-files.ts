/**
 * Models on disk in the standard tfjs format: model.json and weights.bin, which any tfjs loads. tfjs alone has no
 * handler of files, so here is one. Beside them lies card.json: what the model is for, which tfjs does not ask.
 */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { io } from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import { z } from "zod";
import type { Backend } from "./backend.ts";
import { FEATURES } from "./features.ts";
import { NetworkModel } from "./layers-model.ts";
import { LinearModel } from "./linear-model.ts";
import { type ForecastModel, MODEL_KINDS } from "./model.ts";

const cardSchema = z.strictObject({
  kind: z.enum(MODEL_KINDS),
  quantiles: z.array(z.number()).min(1),
  features: z.array(z.string()),
  slotSeconds: z.number().int().positive(),
  timezone: z.string(),
  /** What it was trained on: the id of a feeder or meter, or homes. */
  target: z.string(),
  /** Local days of training, the last one not included. */
  trainedFrom: z.string(),
  trainedTo: z.string(),
  parameters: z.number().int(),
});

/** What a saved model is for. */
export type ModelCard = z.infer<typeof cardSchema>;

/** A folder that holds no usable model; the message names the file. */
export class ModelFileError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ModelFileError";
  }
}

const MODEL = "model.json";
const WEIGHTS = "weights.bin";
const CARD = "card.json";

/** Saves a model into a folder, which is made. What was there is replaced file by file, each whole. */
export async function saveModel(
  backend: Backend,
  model: ForecastModel,
  folder: string,
  about: Omit<ModelCard, "kind" | "quantiles" | "features" | "parameters">,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { kind, quantiles, parameterCount } = model;
  const network = model instanceof NetworkModel ? model.network : asLayers(backend, model);
  try {
    await network.save(writer(folder));
  } finally {
    if (!(model instanceof NetworkModel)) network.dispose();
  }
  const card: ModelCard = { kind, quantiles: [...quantiles], features: [...FEATURES], parameters: parameterCount, ...about };
  await writeWhole(join(folder, CARD), `${JSON.stringify(card, null, 2)}\n`);
}

/** Loads what `saveModel` saved. Throws ModelFileError naming the file that is missing or not what it should be. */
export async function loadModel(backend: Backend, folder: string): Promise<{ model: ForecastModel; card: ModelCard }> {
  const card = await readCard(folder);
  const network = await load(backend, folder);
  const { kind, quantiles } = card;
  let model: ForecastModel;
  try {
    model = kind === "linear" ? fromLayers(network, quantiles) : new NetworkModel(backend, kind, quantiles, network);
  } catch (error) {
    throw unusable(join(folder, CARD), error);
  }
  if (model.parameterCount === card.parameters) return { model, card };
  throw new ModelFileError(
    `${join(folder, MODEL)}: expected ${card.parameters} parameters, as ${CARD} says, got ${model.parameterCount}`,
  );
}

async function readCard(folder: string): Promise<ModelCard> {
  const file = join(folder, CARD);
  const text = (await read(file)).toString("utf8");
  let card: ModelCard;
  try {
    card = cardSchema.parse(JSON.parse(text));
  } catch (error) {
    throw unusable(file, error);
  }
  if (card.features.join() === FEATURES.join()) return card;
  throw new ModelFileError(`${file}: the model was made for other features than this version has; train it again`);
}

async function load({ layers }: Backend, folder: string): Promise<LayersModel> {
  try {
    return await layers.loadLayersModel(reader(folder));
  } catch (error) {
    throw error instanceof ModelFileError ? error : unusable(join(folder, MODEL), error);
  }
}

/** A linear model is one dense layer. */
function asLayers({ tf, layers }: Backend, model: ForecastModel): LayersModel {
  const outputs = model.quantiles.length;
  const dense = layers.layers.dense({ name: "load", units: outputs, inputShape: [FEATURES.length] });
  const network = layers.sequential({ layers: [dense] });
  const flat = model.weights();
  const width = FEATURES.length;
  const kernel = new Float32Array(width * outputs);
  const bias = new Float32Array(outputs);
  for (let q = 0; q < outputs; q += 1) {
    for (let f = 0; f < width; f += 1) kernel[f * outputs + q] = flat[q * (width + 1) + f]!;
    bias[q] = flat[q * (width + 1) + width]!;
  }
  tf.tidy(() => network.setWeights([tf.tensor2d(kernel, [width, outputs]), tf.tensor1d(bias)]));
  return network;
}

function fromLayers(network: LayersModel, quantiles: readonly number[]): LinearModel {
  const model = new LinearModel(quantiles);
  const [kernel, bias] = network.getWeights().map((tensor) => tensor.dataSync<"float32">());
  const outputs = quantiles.length;
  const width = FEATURES.length;
  if (kernel?.length !== width * outputs || bias?.length !== outputs) {
    throw new RangeError(`expected one dense layer from ${width} features to ${outputs} quantiles`);
  }
  const flat = new Float32Array(model.parameterCount);
  for (let q = 0; q < outputs; q += 1) {
    for (let f = 0; f < width; f += 1) flat[q * (width + 1) + f] = kernel[f * outputs + q]!;
    flat[q * (width + 1) + width] = bias[q]!;
  }
  model.setWeights(flat);
  network.dispose();
  return model;
}

function writer(folder: string): io.IOHandler {
  return {
    save: async ({ modelTopology, weightSpecs, weightData, format, generatedBy, convertedBy }) => {
      const parts = weightData === undefined ? [] : Array.isArray(weightData) ? weightData : [weightData];
      await writeWhole(join(folder, WEIGHTS), Buffer.concat(parts.map((part) => Buffer.from(part))));
      const weightsManifest = [{ paths: [WEIGHTS], weights: weightSpecs }];
      const json = { modelTopology, format, generatedBy, convertedBy: convertedBy ?? null, weightsManifest };
      await writeWhole(join(folder, MODEL), JSON.stringify(json));
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: "JSON" } };
    },
  };
}

const modelSchema = z.looseObject({
  modelTopology: z.record(z.string(), z.unknown()),
  weightsManifest: z.array(z.object({ paths: z.array(z.string()), weights: z.array(z.unknown()) })),
});

function reader(folder: string): io.IOHandler {
  return {
    load: async () => {
      const file = join(folder, MODEL);
      const text = (await read(file)).toString("utf8");
      let model: z.infer<typeof modelSchema>;
      try {
        model = modelSchema.parse(JSON.parse(text));
      } catch (error) {
        throw unusable(file, error);
      }
      const weightSpecs = model.weightsManifest.flatMap(({ weights }) => weights) as io.WeightsManifestEntry[];
      const paths = model.weightsManifest.flatMap((group) => group.paths);
      // A name with a folder in it could point anywhere.
      const stray = paths.find((path) => !/^[\w.-]+$/.test(path) || path.startsWith("."));
      if (stray !== undefined) throw new ModelFileError(`${file}: expected weights beside it, got the path ${stray}`);
      const weights = Buffer.concat(await Promise.all(paths.map((path) => read(join(folder, path)))));
      // A copy: a small Buffer is a view of memory that it shares.
      return { modelTopology: model.modelTopology, weightSpecs, weightData: Uint8Array.from(weights).buffer };
    },
  };
}

async function writeWhole(file: string, contents: string | Uint8Array): Promise<void> {
  const partial = `${file}.${process.pid}.tmp`;
  await writeFile(partial, contents);
  await rename(partial, file);
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw new ModelFileError(`${file}: there is no such file; expected a saved model`);
    throw new ModelFileError(`${file} cannot be read (${code ?? String(error)})`);
  }
}

function unusable(file: string, error: unknown): ModelFileError {
  const text = error instanceof z.ZodError ? z.prettifyError(error) : String((error as Error).message);
  return new ModelFileError(`${file} is no model of ours: ${text.replaceAll(/\s+/g, " ").slice(0, 300)}`);
}
