import { MemoryStore } from "./memoryStore.ts";
import { type StoreUnderTest, syncStoreContract } from "./syncStoreContract.ts";

function over(store: MemoryStore): StoreUnderTest {
  return {
    store,
    create: async (id, kind, stream) => store.create(id, kind, stream),
    append: async (id, update) => store.append(id, update),
    reopen: async () => over(store),
    close: async () => {},
  };
}

syncStoreContract("memory", async () => over(new MemoryStore()));
