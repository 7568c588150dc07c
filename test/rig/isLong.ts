/** Whether `PIPE_TEST_KILLS` asks for the long form of tests: more kills, more random cases, whole crates. */
export const isLong = process.env["PIPE_TEST_KILLS"] !== undefined;
