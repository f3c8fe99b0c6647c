function mpc = demo8
% A made-up grid of 8 nodes: 2 generators at 110 kV, 6 loads at 20 kV, and several ways from each generator to each load.
% Lines 1-2 at 110 kV, 30 km of 0.10 + j0.40 ohm/km; at 20 kV 3 to 8 km of 0.32 + j0.35 ohm/km. Transformers of 10 MVA.

mpc.version = '2';
mpc.baseMVA = 10;

% bus_i type Pd Qd Gs Bs area Vm Va baseKV zone Vmax Vmin
mpc.bus = [
  1 3 0 0 0 0 1 1.02 0 110 1 1.05 0.95;
  2 2 0 0 0 0 1 1.02 0 110 1 1.05 0.95;
  3 1 2 0.6 0 0 1 1 0 20 1 1.05 0.95;
  4 1 1.5 0.5 0 0 1 1 0 20 1 1.05 0.95;
  5 1 1.8 0.5 0 0 1 1 0 20 1 1.05 0.95;
  6 1 1.2 0.4 0 0 1 1 0 20 1 1.05 0.95;
  7 1 1.6 0.5 0 0 1 1 0 20 1 1.05 0.95;
  8 1 1.4 0.4 0 0 1 1 0 20 1 1.05 0.95;
];

% bus Pg Qg Qmax Qmin Vg mBase status Pmax Pmin
mpc.gen = [
  1 0 0 10 -10 1.02 10 1 12 0;
  2 4 0 6 -6 1.02 10 1 8 0;
];

% fbus tbus r x b rateA rateB rateC ratio angle status
mpc.branch = [
  1 2 0.00248 0.00992 0.1 40 40 40 0 0 1;
  1 3 0.006 0.1 0 10 10 10 1 0 1;
  2 4 0.006 0.1 0 10 10 10 1 0 1;
  3 4 0.064 0.07 0 6 6 6 0 0 1;
  3 5 0.04 0.04375 0 6 6 6 0 0 1;
  4 6 0.032 0.035 0 6 6 6 0 0 1;
  5 6 0.024 0.02625 0 6 6 6 0 0 1;
  5 7 0.04 0.04375 0 6 6 6 0 0 1;
  6 8 0.048 0.0525 0 6 6 6 0 0 1;
  7 8 0.032 0.035 0 6 6 6 0 0 1;
];
