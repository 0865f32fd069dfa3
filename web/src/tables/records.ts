/** What a reader made of a table in an answer. The answer itself stays as it was written. */
export interface TableEdit {
  /** `tableKey` of the message and the table's place in it. */
  key: string;
  messageId: string;
  conversationId: string;
  /** The first row is the header. */
  cells: string[][];
  updatedMs: number;
}

/** `index`: place among the tables of the message, from 0. */
export const tableKey = (messageId: string, index: number): string => `${messageId}:${index}`;
