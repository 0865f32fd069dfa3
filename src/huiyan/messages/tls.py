"""Sentences about certificates."""

from typing import Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "gateway.looking": ("正在准备证书和密钥", "preparing certificate and keys"),
    "tls.made": (
        "已生成自签名证书，有效期至 {when}。首次打开时浏览器会警告，请核对指纹：\n  SHA-256 {fingerprint}",
        "A self-signed certificate is valid until {when}. Browsers warn; compare:\n  SHA-256 {fingerprint}",
    ),
    "tls.used": (
        "证书 {cert} 有效期至 {when}，指纹：\n  SHA-256 {fingerprint}",
        "The certificate {cert} is valid until {when}; its fingerprint:\n  SHA-256 {fingerprint}",
    ),
    "tls.unreadable": ("无法读取 {path}：{reason}", "{path} cannot be read: {reason}"),
    "tls.unreadable.hint": (
        "检查 --tls-cert 和 --tls-key 的路径和权限。",
        "Check path and permissions of --tls-cert and --tls-key.",
    ),
    "tls.no_certificate": ("{path} 不是 PEM 证书。", "{path} is no PEM certificate."),
    "tls.no_certificate.hint": (
        "它应以 -----BEGIN CERTIFICATE----- 开头；DER 文件可用 openssl x509 -inform der 转换。",
        "It begins with -----BEGIN CERTIFICATE-----; openssl x509 -inform der converts a DER file.",
    ),
    "tls.no_key": ("{path} 不是 PEM 私钥。", "{path} is no PEM private key."),
    "tls.no_key.hint": (
        "它应以 -----BEGIN PRIVATE KEY----- 开头。",
        "It begins with -----BEGIN PRIVATE KEY-----.",
    ),
    "tls.encrypted_key": ("私钥 {path} 有密码。", "The private key {path} has a password."),
    "tls.encrypted_key.hint": (
        "另存一份无密码、只有您能读的：openssl pkey -in {path} -out 新文件",
        "Write one without a password that only you can read: openssl pkey -in {path} -out NEW",
    ),
    "tls.pair": (
        "证书 {cert} 和私钥 {key_file} 不是一对。",
        "The certificate {cert} and the key {key_file} do not belong together.",
    ),
    "tls.pair.hint": (
        "给出同一次签发的两个文件；证书文件里服务器自己的证书要排在最前。",
        "Give the two files of one issue; the server's own certificate stands first in its file.",
    ),
    "tls.expired": ("证书 {cert} 已于 {when} 过期。", "The certificate {cert} expired on {when}."),
    "tls.expired.hint": (
        "续签它，或用 --tls-self-signed 代替。",
        "Renew it, or use --tls-self-signed in its place.",
    ),
    "tls.early": ("证书 {cert} 要到 {when} 才生效。", "The certificate {cert} is valid only from {when} on."),
    "tls.early.hint": ("检查本机的时钟：date", "Check this machine's clock: date"),
}
