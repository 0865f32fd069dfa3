/**
 * In the place of elkjs, a layout engine of Mermaid's that is licensed otherwise than huiyan can be. A
 * diagram that asks for it stays readable source; all others have a layout of their own.
 */
export default class NoElk {
  layout(): Promise<never> {
    return Promise.reject(new Error("this layout is not part of huiyan"));
  }
}
