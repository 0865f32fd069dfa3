// OpenAI's SDK for JavaScript as a driver: JSON commands on stdin, one a line, and an answer to each on stdout.
// The shape of both is described in tests/support/driver.py.
import readline from "node:readline";
import OpenAI from "openai";

async function run(command) {
  const client = new OpenAI({
    baseURL: command.base_url,
    apiKey: "none",
    maxRetries: command.max_retries,
    timeout: command.timeout_s * 1000,
  });
  const asked = { model: command.model, messages: command.messages };
  if (command.tools.length > 0) asked.tools = command.tools;
  if (!command.stream) {
    const completion = await client.chat.completions.create(asked);
    const { message, finish_reason } = completion.choices[0];
    return {
      text: message.content ?? "",
      pieces: 1,
      tool_calls: (message.tool_calls ?? []).map((call) => call.function),
      finish_reason,
      total_tokens: completion.usage.total_tokens,
    };
  }
  const stream = await client.chat.completions.create({
    ...asked,
    stream: true,
    stream_options: { include_usage: true },
  });
  const answer = { text: "", pieces: 0, tool_calls: [], finish_reason: null, total_tokens: 0 };
  for await (const chunk of stream) {
    answer.total_tokens = chunk.usage?.total_tokens ?? answer.total_tokens;
    const choice = chunk.choices[0];
    if (choice === undefined) continue;
    if (choice.delta.content) {
      answer.text += choice.delta.content;
      answer.pieces += 1;
    }
    for (const call of choice.delta.tool_calls ?? []) {
      answer.tool_calls[call.index] ??= { name: "", arguments: "" };
      answer.tool_calls[call.index].name += call.function?.name ?? "";
      answer.tool_calls[call.index].arguments += call.function?.arguments ?? "";
    }
    answer.finish_reason = choice.finish_reason ?? answer.finish_reason;
  }
  return answer;
}

function kindsOf(error) {
  const kinds = [];
  for (let kind = error.constructor; kind?.name; kind = Object.getPrototypeOf(kind)) kinds.push(kind.name);
  return kinds;
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = await run(JSON.parse(line));
  } catch (error) {
    answer = {
      error: {
        kinds: kindsOf(error),
        status: error.status ?? null,
        code: error.code ?? null,
        message: error.message,
      },
    };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
