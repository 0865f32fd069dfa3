"""Sentences about running huiyan under systemd and Kubernetes."""

from typing import Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "help.service": (
        "把 huiyan 装成 systemd 服务：开机启动，出错重启。",
        "huiyan as a service of systemd: started at boot, restarted after a failure.",
    ),
    "help.service_install": (
        "写入单元文件，启用并启动服务；可以重复执行。",
        "Write the unit, enable and start it; doing it again is safe.",
    ),
    "help.service_uninstall": (
        "停止服务并删除单元文件；数据保留。",
        "Stop the service and remove its unit; data stays.",
    ),
    "help.service_status": ("显示服务的状态。", "Show how the service is."),
    "help.service_system": (
        "整台机器的服务（root 的默认值），还是当前用户的服务。",
        "For the machine (root's default), or for this user.",
    ),
    "help.service_only_files": (
        "只写入或删除文件，不调用 systemctl。",
        "Write or remove the file alone, without systemctl.",
    ),
    "help.service_unit_dir": ("单元文件所在的目录。", "Directory of the unit."),
    "help.service_print": ("只显示单元文件的内容。", "Print the unit and change nothing."),
    "help.service_gateway_only": (
        "只运行网关，使用设置中 traffic.backends 的引擎（huiyan serve）。",
        "The gateway alone, with the engines of the setting traffic.backends (huiyan serve).",
    ),
    "help.service_admin_key": (
        "内容为管理员密钥的文件，至少 24 个字符；作为凭据交给服务。",
        "File with a secret of 24 characters or more, the administrator's key; a credential of the service.",
    ),
    "service.written": ("已写入 {path}", "Written: {path}"),
    "service.unchanged": ("{path} 没有变化。", "{path} is as it was."),
    "service.started": (
        "服务正在启动；查看进度：huiyan service status",
        "The service is starting; huiyan service status shows how far it is.",
    ),
    "service.only_files": ("启用并启动：{command}", "To enable and start it: {command}"),
    "service.linger": (
        "要在未登录时也运行：loginctl enable-linger",
        "To have it run while you are not signed in: loginctl enable-linger",
    ),
    "service.removed": ("已删除 {path}，数据保留。", "Removed {path}; data stays."),
    "service.none": ("没有安装服务：{path} 不存在。", "No service is installed: there is no {path}."),
    "service.status": (
        "{path}\n  状态：{active} ({sub})，开机启动：{enabled}，进程 {pid}，重启 {restarts} 次",
        "{path}\n  {active} ({sub}), at boot: {enabled}, process {pid}, restarted {restarts} times",
    ),
    "service.other": ("{path} 不是 huiyan 写的。", "{path} was not written by huiyan."),
    "service.other.hint": (
        "请先移走该文件，再重新运行。",
        "Move that file away, then run this again.",
    ),
    "service.changed": ("{path} 被手动修改过。", "{path} was changed by hand."),
    "service.changed.hint": (
        "把修改移到 `systemctl edit {name}` 的附加文件中，删除 {path}，再重新运行。",
        "Keep changes in a drop-in (`systemctl edit {name}`), remove {path}, then run this again.",
    ),
    "service.refused": ("{command} 失败：{reason}", "{command} failed: {reason}"),
    "service.refused.hint": ("查看原因：{journal}", "It says why: {journal}"),
    "service.no_systemd": ("这台机器没有运行 systemd。", "systemd does not run this machine."),
    "service.no_systemd.hint": (
        "加上 --only-files 只写文件；容器请看 docs/guides/containers.md。",
        "--only-files works on the file alone; for containers see docs/guides/containers.md.",
    ),
    "service.admin_key": (
        "在 {host} 上监听需要管理员密钥；首次启动打印的密钥会进入系统日志。",
        "{host} needs an administrator's key; one that the start prints would end in the journal.",
    ),
    "service.admin_key.hint": (
        "先生成：(umask 077; openssl rand -hex 24 > admin-key)，再加上 --admin-key-file admin-key",
        "Make one, (umask 077; openssl rand -hex 24 > admin-key), and add --admin-key-file admin-key",
    ),
    "service.no_engines": (
        "--gateway-only 需要设置 gateway.traffic.backends。",
        "--gateway-only needs the setting gateway.traffic.backends.",
    ),
    "service.no_engines.hint": (
        "在 huiyan.toml 中写明引擎，并用 --config 指定该文件。",
        "Name the engines in huiyan.toml, and that file with --config.",
    ),
    "service.data_dir": (
        "系统服务的数据总在 /var/lib/huiyan。",
        "The data of a system service is always in /var/lib/huiyan.",
    ),
    "service.data_dir.hint": (
        "去掉 --data-dir；要放到别的磁盘，请把它挂载到 /var/lib/private/huiyan。",
        "Leave --data-dir out; to use another disk, mount it at /var/lib/private/huiyan.",
    ),
    "service.hidden": (
        "系统服务看不到用户目录，而它需要 {path}。",
        "A system service sees no home directories, and this one would need {path}.",
    ),
    "service.hidden.hint": (
        "安装到 /opt 等位置（HUIYAN_VENV=/opt/huiyan ./start_all.sh），或使用 --user。",
        "Install it elsewhere (HUIYAN_VENV=/opt/huiyan ./start_all.sh), or use --user.",
    ),
    "help.deploy": ("为别的系统生成部署文件。", "Write what other systems run huiyan from."),
    "help.deploy_k8s": (
        "按规划写出 vLLM production-stack 的 values、网关的 chart 和密钥文件；可以重复执行。",
        "From a plan: values for the vLLM production stack, the gateway's chart, keys. Safe to repeat.",
    ),
    "help.deploy_out": ("写到这个目录。", "Directory to write to."),
    "help.deploy_hub_id": (
        "模型仓库中的名称；默认由规划选定。",
        "The model's id on the hub; by default the plan's choice.",
    ),
    "help.deploy_replicas": ("引擎的数量，每个一张显卡。", "Engines, each on a card of its own."),
    "help.deploy_image": ("网关的容器镜像，仓库:标签。", "The gateway's image, REPOSITORY:TAG."),
    "help.deploy_namespace": ("Kubernetes 命名空间。", "Namespace of Kubernetes."),
    "help.deploy_database": (
        "首行为 postgresql://… 的文件；有了它才能运行多个网关。",
        "File whose first line is postgresql://…; several gateways need it.",
    ),
    "help.deploy_limits": (
        "首行为 redis://… 或 valkey://… 的文件；有了它才能运行多个网关。",
        "File whose first line is redis://… or valkey://…; several gateways need it.",
    ),
    "deploy.written": (
        "已写入 {folder}：{model}，上下文 {context}，引擎 {replicas} 个",
        "Written to {folder}: {model}, {context} tokens of context, engines: {replicas}",
    ),
    "deploy.one_gateway": (
        "没有 PostgreSQL 和 Valkey：只有一个网关，运行中创建的密钥不会保留。",
        "Without PostgreSQL and Valkey there is one gateway, and keys made at run time do not last.",
    ),
    "deploy.next": ("接下来：", "Next:"),
    "deploy.changed": ("{path} 被修改过，不会覆盖。", "{path} was changed, and is not written over."),
    "deploy.changed.hint": (
        "移走该文件后重新运行，再合并您的修改；或用 --out 写到别的目录。",
        "Move it away, run this again and merge your changes; or write elsewhere with --out.",
    ),
    "deploy.namespace": ("{name} 不能作为命名空间。", "{name} cannot be a namespace."),
    "deploy.namespace.hint": (
        "最多 30 个小写字母、数字和连字符。",
        "Use up to 30 lower-case letters, digits and hyphens.",
    ),
    "deploy.image": ("{name} 不是 仓库:标签。", "{name} is not REPOSITORY:TAG."),
    "deploy.image.hint": (
        "例如 --image registry.example/huiyan:0.1.0",
        "Such as --image registry.example/huiyan:0.1.0",
    ),
    "deploy.both_urls": (
        "--database-url-file 和 --limits-url-file 要一起给出。",
        "--database-url-file and --limits-url-file belong together.",
    ),
    "deploy.both_urls.hint": (
        "给出两个文件，或都不给（只有一个网关）。",
        "Give both, or neither for one gateway.",
    ),
    "deploy.no_card": (
        "没有规划出显卡上的引擎。",
        "The plan has no engine on a card.",
    ),
    "deploy.no_card.hint": (
        '用 --gpu 写明集群的显卡，例如 --gpu "NVIDIA L4:22.5GiB:8.9"；huiyan plan 显示原因。',
        'Name the cluster\'s card, such as --gpu "NVIDIA L4:22.5GiB:8.9"; huiyan plan says why.',
    ),
    "deploy.no_id": (
        "目录中没有 {model} 的 {weights} 权重。",
        "The catalogue has no {model} with {weights} weights.",
    ),
    "deploy.no_id.hint": ("用 --hub-id 写明仓库。", "Name its repository with --hub-id."),
    "deploy.hub_id": ("{name} 不是 所有者/名称。", "{name} is not OWNER/NAME."),
    "deploy.hub_id.hint": (
        "例如 --hub-id Qwen/Qwen3-VL-8B-Instruct",
        "Such as --hub-id Qwen/Qwen3-VL-8B-Instruct",
    ),
}
