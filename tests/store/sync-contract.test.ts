import { syncStoreContract, type StoreUnderTest } from "../sync/syncStoreContract.ts";
import { closeStore, openTestStore, temporaryFolder } from "./help.ts";

async function over(folder: string): Promise<StoreUnderTest> {
  const store = await openTestStore(folder);
  return {
    store: store.sync,
    create: (id, kind, stream) => store.documents.create({ id, kind, subject: null, stream }),
    append: async (id, update) => (await store.documents.append(id, [update])).kept,
    async reopen() {
      await closeStore(store);
      return over(folder);
    },
    close: () => closeStore(store),
  };
}

syncStoreContract("PGlite", () => over(temporaryFolder()));
