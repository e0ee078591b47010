import { fileURLToPath } from 'node:url';
import { type AttackPlan, type JobModel, jobModel } from '../../job/index.js';
import { LanguageModel } from '../../model/index.js';
import { defaultTau, toleranceFor } from '../../rastic/index.js';
import { locateModel, parseThreads } from './models.js';
import type { Settings } from './settings.js';

/** The bundled model, as it lies in the package. */
const BUNDLED = fileURLToPath(new URL('../../../fixtures/bitmodel-tiny', import.meta.url));

/** Options by which a model for attacks is named. */
export interface AttackModelChoice {
  readonly model?: string;
  readonly file?: string;
  readonly threads?: string;
}

/** Opens the model that is attacked, the bundled one unless another is named, for as long as `use` takes. */
export async function withAttackPlan<Result>(
  choice: AttackModelChoice,
  settings: Settings,
  signal: AbortSignal,
  use: (plan: AttackPlan & { readonly own: JobModel }) => Promise<Result>,
): Promise<Result> {
  const { folder, id } = await locateModel(choice.model ?? BUNDLED, settings);
  const threads = choice.threads === undefined ? {} : { threads: parseThreads(choice.threads) };
  const file = choice.file === undefined ? {} : { file: choice.file };
  const model = await LanguageModel.open(folder, { ...threads, ...file });
  try {
    const own = jobModel(id, model);
    const { numericClass } = model.info;
    const { calibration } = own;
    const measured = calibration && toleranceFor(calibration, numericClass, numericClass);
    return await use({ own, tau: measured ?? defaultTau(numericClass), signal, ...threads });
  } finally {
    await model.close();
  }
}
