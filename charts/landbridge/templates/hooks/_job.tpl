{{/*
A Job that runs before a release is installed or upgraded, with an account and rights of its own that go with it:
(dict "root" $ "component" "certificates" "program" "operator/certificates/main.ts" "kind" "Role" "rules" yaml "env" yaml)
*/}}
{{- define "landbridge.hook" -}}
{{- $root := .root }}
{{- $name := printf "%s-%s" (include "landbridge.name" $root) .component }}
{{- $wide := eq .kind "ClusterRole" }}
{{- $role := $wide | ternary (printf "%s-%s" $root.Release.Namespace $name) $name }}
{{- $metadata := dict "root" $root "component" .component "namespace" $root.Release.Namespace }}
{{- $roleMetadata := omit $metadata ($wide | ternary "namespace" "") }}
apiVersion: v1
kind: ServiceAccount
metadata: {{- include "landbridge.hookMetadata" (merge (dict "name" $name "weight" "-5") $metadata) | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ .kind }}
metadata: {{- include "landbridge.hookMetadata" (merge (dict "name" $role "weight" "-5") $roleMetadata) | nindent 2 }}
rules: {{- .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ .kind }}Binding
metadata: {{- include "landbridge.hookMetadata" (merge (dict "name" $role "weight" "-5") $roleMetadata) | nindent 2 }}
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: {{ .kind }}, name: {{ $role }} }
subjects: [{ kind: ServiceAccount, name: {{ $name }}, namespace: {{ $root.Release.Namespace }} }]
---
apiVersion: batch/v1
kind: Job
metadata: {{- include "landbridge.hookMetadata" (merge (dict "name" $name "weight" "0") $metadata) | nindent 2 }}
spec:
  backoffLimit: 4
  activeDeadlineSeconds: 600
  template:
    metadata:
      labels: {{- include "landbridge.podLabels" $metadata | nindent 8 }}
    spec:
      restartPolicy: OnFailure
      serviceAccountName: {{ $name }}
      {{- include "landbridge.placement" (dict "root" $root "of" dict) | nindent 6 }}
      containers:
        - name: {{ .component }}
          image: {{ include "landbridge.image" $root }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args: [{{ .program }}]
          env: {{- .env | nindent 12 }}
          resources: {{- toYaml $root.Values.hooks.resources | nindent 12 }}
          securityContext: {{- include "landbridge.containerSecurity" $root | nindent 12 }}
{{- end -}}

{{/* metadata of an object of a hook: (dict "root" $ "component" c "name" n "weight" w "namespace" none-for-the-cluster) */}}
{{- define "landbridge.hookMetadata" -}}
name: {{ .name }}
{{- with .namespace }}
namespace: {{ . }}
{{- end }}
labels: {{- include "landbridge.labels" . | nindent 2 }}
annotations:
  helm.sh/hook: pre-install,pre-upgrade
  helm.sh/hook-weight: {{ .weight | quote }}
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}
