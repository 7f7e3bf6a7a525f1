"The embedded sample: pets drawn by a seeded program, and planted faults whose truth is known."
