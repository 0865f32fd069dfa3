/**
 * In the place of elkjs, a layout engine of Mermaid's under a licence (EPL) that huiyan does not ship. Diagrams are
 * laid out by dagre; one that insists on ELK stays readable source.
 */
export default class NoElk {
  layout(): Promise<never> {
    return Promise.reject(new Error("this layout is not part of huiyan"));
  }
}
