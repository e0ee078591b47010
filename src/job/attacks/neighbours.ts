import { utf8 } from '../../base/index.js';
import type { FinishReason } from '../../model/index.js';
import {
  type CheckAnswer,
  type Copy,
  commitAnswer,
  describeVerdict,
  drawCopies,
  encodeAnswer,
  examine,
  opensTo,
  type PositionAnswer,
  type Reply,
  randomFrom,
  type Tally,
  tally,
} from '../../rastic/index.js';
import {
  type JudgedAnswers,
  type JudgedOutput,
  triedOnBoth,
  type VerifierAttack,
} from './verifierAttack.js';

const QUORUM = 2;

/** What a neighbour says of its copy; undefined for silence. */
type Says = (
  copy: Copy,
  answers: JudgedAnswers,
  finish: FinishReason,
) => Promise<CheckAnswer | undefined>;

const computed: Says = async (copy, { own, request, tau, signal }) => {
  const { outputIds, positions } = copy;
  const said = await examine(own.model, { ...request, outputIds }, { positions, tau, signal });
  return 'reason' in said ? undefined : said;
};

/** The end of the answer as the seller has it. */
const endOf = ({ isWhole, outputIds }: Copy, finish: FinishReason): CheckAnswer['end'] =>
  isWhole ? { finish, at: outputIds.length - 1 } : { finish: 'open' };

/** Every token fine, at a gap that was made up. */
const fine =
  (gap: (position: number) => number): Says =>
  async (copy, _, finish) => ({
    positions: copy.positions.map((position) => ({
      standing: 'fine',
      margin: 0,
      gap: gap(position),
    })),
    end: endOf(copy, finish),
  });

/** The first token false, whatever it is. */
const contrary: Says = async (copy, answers, finish) => {
  const said = await computed(copy, answers, finish);
  const [first] = said?.positions ?? [];
  if (first === undefined) return undefined;
  const turned: PositionAnswer =
    first.standing === 'fine'
      ? { standing: 'beyond', margin: 500, gap: first.gap }
      : { standing: 'fine', margin: 0, gap: first.gap };
  if (turned.standing === 'beyond') return { positions: [turned] };
  return fine(() => first.gap)(copy, answers, finish);
};

const silent: Says = async () => undefined;

/** How many are asked, and how many of them cheat. */
interface Crowd {
  readonly neighbours: number;
  readonly cheats: number;
}

/** Asks all about an output of which some cheat, each in the same way. */
async function ask(
  answers: JudgedAnswers,
  { ids: outputIds, finish }: JudgedOutput,
  { neighbours, cheats }: Crowd,
  says: Says,
): Promise<{ counted: Tally; cheating: string[] }> {
  const random = randomFrom(`${answers.seed} copies`);
  const positions = outputIds.map((_, i) => i);
  const { vocabularySize } = answers.own.model.info;
  const plan = { outputIds, positions, neighbours, vocabularySize };
  const copies = drawCopies({ ...plan, random: (bound) => random.below(bound) });
  const replies: Reply[] = [];
  const cheating: string[] = [];
  for (const [i, copy] of copies.entries()) {
    const neighbour = `neighbour ${i}`;
    const isCheat = i < cheats;
    if (isCheat) cheating.push(neighbour);
    const answer = await (isCheat ? says : computed)(copy, answers, finish);
    if (answer) replies.push({ neighbour, weight: 1, copy, answer });
  }
  const { tau } = answers;
  const length = outputIds.length;
  const counted = tally(replies, { positions, length, finish, tau, quorum: QUORUM });
  return { counted, cheating };
}

function asked(
  about: Omit<VerifierAttack, 'run'>,
  crowd: Crowd,
  says: Says,
  wins = false,
): VerifierAttack {
  return triedOnBoth(about, wins, async (answers, output) => {
    const { counted, cheating } = await ask(answers, output, crowd, says);
    const { verdict } = counted;
    const isTrue =
      output === answers.honest
        ? verdict.result === 'valid'
        : verdict.result === 'invalid' && verdict.position === answers.position;
    const shown = counted.neighbours.filter(
      (one) => cheating.includes(one.neighbour) && (one.plant === 'missed' || one.dissented > 0),
    );
    return {
      // where no majority comes about, more neighbours are asked
      stood: isTrue || verdict.result === 'abstain',
      came: `${describeVerdict(verdict)} (${shown.length} of ${crowd.cheats} showed)`,
    };
  });
}

const STANDS = 'the right verdict stands: most of those asked computed';

/** Neighbours asked to check an answer, of whom some cheat. */
export const NEIGHBOUR_ATTACKS: readonly VerifierAttack[] = [
  asked(
    {
      name: 'neighbour-lazy',
      description: 'one of five calls every token fine and makes up the gaps',
      gains: 'the work',
      expects: `${STANDS}; the gaps are outvoted, a planted token is missed`,
    },
    { neighbours: 5, cheats: 1 },
    fine((position) => (position * 7919) % 4000),
  ),
  asked(
    {
      name: 'neighbour-contrary',
      description: 'one of five calls good tokens false, and false ones good',
      gains: 'harm to a seller, or help for a friend',
      expects: STANDS,
    },
    { neighbours: 5, cheats: 1 },
    contrary,
  ),
  asked(
    {
      name: 'neighbour-silent',
      description: 'one of five never answers',
      gains: 'the work',
      expects: STANDS,
    },
    { neighbours: 5, cheats: 1 },
    silent,
  ),
  asked(
    {
      name: 'neighbours-minority',
      description: 'two of seven agree on a lie, with gaps that they have agreed on too',
      gains: 'help for a seller of theirs',
      expects: 'never the lie: the right verdict, or none until more are asked',
    },
    { neighbours: 7, cheats: 2 },
    fine(() => 100),
  ),
  asked(
    {
      name: 'neighbours-majority',
      description: 'four of five agree that all is fine, with gaps that they have agreed on',
      gains: 'help for a seller of theirs',
      expects: 'they win, unless planted tokens take their voices: it is their word, no proof',
    },
    { neighbours: 5, cheats: 4 },
    fine(() => 100),
    true,
  ),
  {
    name: 'neighbour-copycat',
    description: "repeats another's commitment, and its answer when that is shown",
    gains: 'the work',
    expects: 'the copied commitment opens under no other name',
    async run(answers) {
      const { ids: outputIds, finish } = answers.honest;
      const positions = outputIds.map((_, i) => i);
      const copy = { outputIds, positions, isWhole: true };
      const answer = await computed(copy, answers, finish);
      if (answer === undefined) return { result: 'missed', came: 'nobody computed an answer' };
      const bytes = encodeAnswer(answer);
      const salt = new Uint8Array(32).fill(7);
      const requestId = utf8(answers.seed.padEnd(32).slice(0, 32));
      const theirs = { requestId, neighbour: 'honest' };
      const commitment = commitAnswer(bytes, salt, theirs);
      const own = opensTo(commitment, bytes, salt, { requestId, neighbour: 'copycat' });
      const right = opensTo(commitment, bytes, salt, theirs);
      const came = `opens for who made it: ${right}; for who copied it: ${own}`;
      return { result: right && !own ? 'caught' : 'missed', came };
    },
  },
];
