export const upgradeZhCN = {
  "upgrade.coming": "正在升级到 {version}……",
  "upgrade.goOn": "正在写的回答会写完；现在发送的消息由新版本回答。",
  "upgrade.done": "已升级到 {version}",
  "upgrade.reloadText": "此页面仍是旧版本，可以继续用；重新载入后换成新版本，输入的内容和对话都会保留。",
  "upgrade.reload": "重新载入",
} as const;
