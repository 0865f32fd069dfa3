export const transferZhCN = {} as const;
