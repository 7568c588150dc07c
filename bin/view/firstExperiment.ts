/** The files of `pipe init`: an experiment that runs in seconds on any machine, and its program. */

export const firstExperiment = `# A first experiment: gradient descent at five learning rates, four seeds each. \`pipe run experiment.yaml\` runs it.
name: descent

# Every combination of these values is a point: 20 in all.
axes:
  rate: [0.05, 0.1, 0.2, 0.4, 0.8]
  seed: [0, 1, 2, 3]

stages:
  # Runs once a point, since \`run\` mentions both axes. {out} is the folder that is kept.
  fit:
    use: command
    with:
      run: python3 fit.py \${rate} \${seed} > {out}/result.json
      sources: [fit.py] # an edit of fit.py runs its points again; nothing else does
      metrics: result.json # the numbers for the table

  # One table over all points: every value, and mean, spread and interval over the seeds.
  table:
    use: tabulate
    from: { results: { all: fit } }

# Then try:
#   pipe run experiment.yaml     again: every result is there already
#   pipe run experiment.yaml --axis rate=0.3,0.5     runs the new points only
#   pipe table --csv     the numbers for other programs
#   pipe report     one page with the table and a figure
# \`pipe stages\` lists the other kinds of stages, such as trainings of vision-language models.
`;

export const firstProgram = `"""Minimises (x - 3)² from a random start by noisy gradient descent, and prints the loss."""

import json
import random
import sys

rate, seed = float(sys.argv[1]), int(sys.argv[2])
noise = random.Random(seed)
x = noise.uniform(-10, 10)
for _ in range(20):
    x -= rate * (2 * (x - 3) + noise.gauss(0, 1))
print(json.dumps({"loss": (x - 3) ** 2}))
`;
