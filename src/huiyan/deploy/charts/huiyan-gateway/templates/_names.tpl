{{/* Names and labels that several templates share. */}}
{{- define "gateway.name" -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}-gateway
{{- end }}

{{- define "gateway.selector" -}}
app.kubernetes.io/name: huiyan-gateway
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "gateway.labels" -}}
{{ include "gateway.selector" . }}
app.kubernetes.io/component: gateway
app.kubernetes.io/part-of: huiyan
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Values.image.tag | quote }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "gateway.secret" -}}
{{ .Values.secret.existing | default (include "gateway.name" .) }}
{{- end }}

{{/* Pods of the vllm-stack chart, by the labels that it gives them (0.1.12). */}}
{{- define "gateway.router" -}}
app.kubernetes.io/instance: {{ .Values.engine.networkPolicy.release }}
app.kubernetes.io/component: router
{{- end }}

{{- define "gateway.engines" -}}
app.kubernetes.io/instance: {{ .Values.engine.networkPolicy.release }}
app.kubernetes.io/component: serving-engine
{{- end }}
