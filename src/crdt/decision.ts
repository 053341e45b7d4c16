export type DecisionStatus = "proposed" | "accepted" | "rejected" | "deprecated" | "superseded";
export interface DecisionRecord { readonly id: string }
