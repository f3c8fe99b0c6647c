/** What stands beside published numbers about homes: whether each home's privacy account covers them. */
export const NOISED = "noised: charged to the privacy account of each home";
export const EXACT = "exact: not covered by the privacy account";
