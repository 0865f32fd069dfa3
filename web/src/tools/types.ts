export type {
  FileArgument,
  FileContent,
  Icon,
  PluginInfo,
  ToolInfo,
  ToolList,
  ToolProgress,
  ToolResult,
} from "../api/generated.ts";
